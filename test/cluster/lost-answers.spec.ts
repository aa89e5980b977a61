import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { Agent, AgentRunner, type AgentContext, type AgentResult } from '../../src/agents/index.js';
import { Storage } from '../../src/storage/index.js';
import type { TestClient, TestServer } from '../../src/testing/index.js';
import { RunNodes } from './run-nodes.js';

/** Asks two things at once, and tells each answer as it comes. */
@Agent({ name: 'curious' })
class CuriousAgent extends AgentRunner {
  override async run(context: AgentContext): Promise<AgentResult> {
    const ask = async (requestId: string): Promise<void> => {
      const value = await context.requestInput({ requestId, prompt: `${requestId}?` });
      await context.emit('custom', { name: requestId, value });
    };
    await Promise.all([ask('one'), ask('two')]);
    return { content: 'both' };
  }
}

describe('An answer that another node has taken', () => {
  let nodes: RunNodes;
  let a: TestServer;
  /** On the node of the run, and on the other one. */
  let alice: TestClient;
  let bob: TestClient;
  let threadId: unknown;

  beforeEach(async () => {
    nodes = new RunNodes();
    await nodes.open();
    a = await nodes.node({ SHUTDOWN_GRACE_MS: '100' }, [CuriousAgent]);
    const b = await nodes.node({ SHUTDOWN_GRACE_MS: '100' }, [CuriousAgent]);
    [alice, bob] = [await a.ready('alice'), await b.ready('bob')];
    ({ threadId } = await alice.ask('create_thread', {}));
    await a.fetch('alice', `/api/threads/${String(threadId)}/members/bob`, { method: 'PUT' });
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId, after: 0 });
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await nodes.close();
  });

  const isAbout = (what: string) => (event: object) => JSON.stringify(event).includes(`"${what}"`);
  const of = (runId: unknown) => (data: object) => (data as { runId?: unknown }).runId === runId;

  /** The next look of the run's node at a record fails. Answers how often one was looked at. */
  function failOnce(): () => number {
    const get = jest.spyOn(a.get(Storage).runs, 'get').mockRejectedValueOnce(new Error('The storage is away.'));
    return () => get.mock.calls.length;
  }

  it('reaches the agent also when the first look at it fails', async () => {
    const { runId } = await alice.ask('start_agent', { threadId, agent: 'patient', input: 'x' });
    await bob.next('input_requested', of(runId));
    const looks = failOnce();
    await bob.ask('provide_input', { runId, requestId: 'go', value: 'on' });
    await alice.next('agent_completed', of(runId));
    expect(looks()).toBeGreaterThan(1);
  });

  it('does so while the run waits for another one', async () => {
    const { runId } = await alice.ask('start_agent', { threadId, agent: 'curious', input: 'x' });
    for (const requestId of ['one', 'two']) await bob.next('input_requested', isAbout(requestId));
    const looks = failOnce();
    await bob.ask('provide_input', { runId, requestId: 'two', value: 'second' });
    await alice.next('custom', isAbout('second'));
    expect(looks()).toBeGreaterThan(1);
    await bob.ask('provide_input', { runId, requestId: 'one', value: 'first' });
    await alice.next('agent_completed', of(runId));
  });
});
