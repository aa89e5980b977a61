import { afterEach, describe, expect, it } from '@jest/globals';
import type { Provider } from '@nestjs/common';

import { RunsBench } from '../../testing/index.js';
import type { AgentContext } from '../agent.js';
import { AssistantTool } from './assistant-tool.js';
import { AssistantTools } from './assistant-tools.js';

class Lookup extends AssistantTool {
  override readonly name: string = 'lookup';
  override readonly description = 'Looks something up.';
  override readonly parameters = { type: 'object' };

  override execute(): Promise<string> {
    return Promise.resolve('y'.repeat(100_000));
  }
}

class SecondLookup extends Lookup {}

class Unnameable extends Lookup {
  override readonly name = 'look up';
}

class Broken extends Lookup {
  override readonly name = 'broken';

  override execute(): Promise<string> {
    return Promise.reject(new Error('password=hunter2hunter2'));
  }
}

describe('The tools of the assistant', () => {
  let bench: RunsBench | null = null;
  const open = async (...providers: Provider[]): Promise<RunsBench> => (bench = await RunsBench.open({ providers }));

  afterEach(async () => {
    await bench?.close();
    bench = null;
  });

  it.each<[Provider[], string]>([
    [[Lookup, SecondLookup], "Two tools are named 'lookup'"],
    [[Unnameable], "has the name 'look up'"],
  ])('end the start where they are faulty', async (providers, words) => {
    await expect(open(...providers)).rejects.toThrow(words);
  });

  it('are found once each', async () => {
    const { app } = await open(Lookup, { provide: 'again', useExisting: Lookup }, Broken);
    const names = app
      .get(AssistantTools)
      .all()
      .map(({ name }) => name);
    expect(names).toEqual(['lookup', 'broken']);
  });

  it('are told in the thread redacted and to the model bounded', async () => {
    const opened = await open(Lookup, Broken);
    const tools = opened.app.get(AssistantTools);
    const outcomes: unknown[] = [];
    const call = async (context: AgentContext, tool: string): Promise<void> => {
      outcomes.push(await tools.call({ toolCallId: tool, tool, args: {} }, context));
    };
    const { run, threadId } = await opened.do(async (context) => {
      await call(context, 'lookup');
      await call(context, 'broken');
    });
    await opened.ended(run.runId);
    expect(outcomes).toEqual([
      { result: expect.stringMatching(/^"y{60000,}… \[cut: \d+ characters\]$/) },
      { error: 'password=hunter2hunter2' },
    ]);
    const log = await opened.log(threadId);
    const told = log.filter(({ type }) => type === 'tool_completed').map(({ data }) => data);
    expect(told).toMatchObject([{ result: 'y'.repeat(100_000) }, { error: expect.stringContaining('password=') }]);
    expect(JSON.stringify(told)).not.toContain('hunter2');
  });
});
