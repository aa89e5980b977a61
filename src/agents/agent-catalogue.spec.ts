import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Injectable, Scope, type Provider } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { RunsBench, type RunsBenchOptions } from '../testing/runs-bench.js';
import { Agent, AgentCatalogue, AgentRunner, type AgentResult } from './index.js';

class Runner extends AgentRunner {
  override async run(): Promise<AgentResult> {
    return { content: '' };
  }
}

@Agent({ name: 'one' })
class OneAgent extends Runner {}

@Agent({ name: 'one' })
class OtherAgent extends Runner {}

@Agent({ name: 'not a name' })
class MisnamedAgent extends Runner {}

@Agent({ name: 'plain' })
class PlainClass {}

@Injectable({ scope: Scope.TRANSIENT })
@Agent({ name: 'each' })
class TransientAgent extends Runner {}

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'threadcast-agents-'));
});

afterEach(() => rm(dataDir, { recursive: true, force: true }));

function open(providers: readonly Provider[], options: RunsBenchOptions = {}): Promise<RunsBench> {
  return RunsBench.open({ dataDir, providers, ...options });
}

describe('Agents', () => {
  it('are found in any module, by their decorator', async () => {
    const bench = await open([OneAgent, { provide: 'alias', useExisting: OneAgent }]);
    const catalogue = bench.app.get(AgentCatalogue);
    expect(catalogue.names()).toEqual(expect.arrayContaining(['echo', 'one', 'script']));
    expect(catalogue.get('one').runner).toBeInstanceOf(OneAgent);
    expect(catalogue.get('one').resumable).toBe(false);
    await bench.close();
  });

  it('that do not exist are refused, with those that do', async () => {
    const bench = await open([]);
    const start = (): unknown => bench.engine.prepare('nobody', { input: 'x' });
    expect(start).toThrow(expect.objectContaining({ code: 'agent_not_found' }));
    expect(start).toThrow(/no agent 'nobody'.*echo/);
    await bench.close();
  });

  it.each([
    ['two of one name', [OneAgent, OtherAgent], /Two agents are named 'one': OneAgent and OtherAgent/],
    ['a name that is none', [MisnamedAgent], /MisnamedAgent has the name 'not a name'/],
    ['a class that is no agent', [PlainClass], /PlainClass does not extend AgentRunner/],
    ['one instance per use', [TransientAgent], /TransientAgent must have the default scope/],
  ])('with %s end the start', async (_what, providers, message) => {
    await expect(open(providers)).rejects.toThrow(message);
  });

  it('without the default one end the start', async () => {
    await expect(open([], { agents: { defaultAgent: 'nobody' } })).rejects.toThrow(
      /default agent 'nobody' does not exist/,
    );
  });
});
