import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread } from './scripted-server.js';

let scripted: ScriptedServer;
let alice: TestClient;
let other: TestClient;
let threadId: string;

beforeEach(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
  other = await scripted.server.ready('alice');
  threadId = await newThread(alice);
  await alice.ask('subscribe_thread', { threadId, after: 0 });
});

afterEach(() => scripted.close());

const types = (runId: unknown): string[] =>
  alice
    .events(threadId)
    .filter((event) => event.runId === runId)
    .map((event) => event.type);
const told = (type: string, runId: unknown): Promise<Record<string, unknown>> =>
  alice.next(type, (event) => event['runId'] === runId);

describe('Stopping a run', () => {
  it('ends it at once, also where its agent does not listen; what it says later is fenced off', async () => {
    const late = new Gate();
    const refused = new Gate();
    const { runId } = await scripted.run(
      alice,
      async (context) => {
        await context.write('heard ');
        await late.opened;
        await context.write('too late').catch(() => refused.open());
      },
      { threadId },
    );
    await told('agent_delta', runId);
    expect(await alice.ask('ping')).toMatchObject({ ok: true });
    expect(await alice.ask('stop_agent', { runId, reason: 'enough' })).toEqual({
      ok: true,
      runId,
      status: 'cancelled',
    });
    expect(await told('agent_cancelled', runId)).toMatchObject({ data: { reason: 'enough' } });
    late.open();
    await refused.opened;
    await alice.ask('user_message', { threadId, content: 'next' });
    await alice.next('agent_completed');

    expect(types(runId)).toEqual(['agent_started', 'agent_delta', 'agent_cancelled']);
    checkContiguous(alice.events(threadId));
  });

  it('in the midst of its words aborts the signal of its agent', async () => {
    const { runId } = await alice.ask('start_agent', {
      ...{ threadId, agent: 'echo', input: { text: 'word ', repeat: 1_000, delayMs: 1 } },
    });
    await told('agent_delta', runId);
    expect(await other.ask('stop_agent', { runId })).toMatchObject({ status: 'cancelled' });
    await told('agent_cancelled', runId);
    await alice.fence();

    expect(types(runId).at(-1)).toBe('agent_cancelled');
    expect(types(runId).filter((type) => type === 'agent_cancelled')).toHaveLength(1);
    checkContiguous(alice.events(threadId));
  });

  it('that waits gives it its end alone; the one before goes on, the one behind comes', async () => {
    const end = new Gate();
    const runs = [];
    for (let n = 0; n < 3; n += 1) runs.push(await scripted.run(alice, () => end.opened, { threadId }));
    const [first, waiting, last] = runs.map((run) => run['runId']);
    expect(await alice.ask('stop_agent', { runId: waiting })).toMatchObject({ status: 'cancelled' });
    end.open();
    await told('agent_completed', last);

    expect(types(first)).toEqual(['agent_started', 'agent_completed']);
    expect(types(waiting)).toEqual(['agent_cancelled']);
    expect(types(last)).toEqual(['agent_started', 'agent_completed']);
  });

  it('that has ended tells how, and appends nothing', async () => {
    const { runId } = await scripted.run(alice, () => Promise.resolve(), { threadId });
    await told('agent_completed', runId);
    expect(await alice.ask('stop_agent', { runId })).toEqual({ ok: true, runId, status: 'completed' });
    await alice.fence();

    expect(alice.events(threadId)).toHaveLength(2);
  });

  it.each(['before', 'after'] as const)('races with its own end, and one of them wins (%s)', async (where) => {
    const finish = new Gate();
    const { runId } = await scripted.run(alice, () => finish.opened, { threadId });
    await told('agent_started', runId);
    const commit = scripted.storage.holdNext('transact', where);
    finish.open();
    await commit.reached;
    const stopped = other.ask('stop_agent', { runId });
    commit.release();
    const { status } = await stopped;
    await alice.fence();

    const ends = types(runId).slice(1);
    expect(ends).toEqual([status === 'completed' ? 'agent_completed' : 'agent_cancelled']);
  });
});

describe('A run that asks for input', () => {
  async function asked(): Promise<{ runId: unknown; requestId: string }> {
    const { runId } = await alice.ask('start_agent', { threadId, agent: 'echo', input: { ask: 'What shall I say?' } });
    const { data } = await told('input_requested', runId);
    expect(data).toMatchObject({ prompt: 'What shall I say?' });
    return { runId, requestId: (data as { requestId: string }).requestId };
  }

  it('goes on with the answer of another connection', async () => {
    const { runId, requestId } = await asked();
    const answer = { runId, requestId, value: 'say this' };
    expect(await other.ask('provide_input', answer)).toEqual({ ok: true, runId });
    await told('agent_completed', runId);

    expect(deltaText(alice.events(threadId))).toBe('say this');
    expect(types(runId).slice(0, 3)).toEqual(['agent_started', 'input_requested', 'input_received']);
    checkContiguous(alice.events(threadId));
  });

  it('takes one answer: the same again changes nothing, another and a late one are closed out', async () => {
    const { runId, requestId } = await asked();
    const values = ['first', 'first', 'second'];
    const answers = await Promise.all(
      values.map((value) => other.request('provide_input', { runId, requestId, value })),
    );
    await told('agent_completed', runId);
    const late = [
      await other.request('provide_input', { runId, requestId, value: 'first' }),
      await other.request('provide_input', { runId, requestId, value: 'late' }),
      await other.request('provide_input', { runId, requestId: 'never-made', value: 'x' }),
    ];

    expect(answers.map((answer) => answer.error?.code ?? 'ok')).toEqual(['ok', 'ok', 'input_closed']);
    expect(late.map((answer) => answer.error?.code ?? 'ok')).toEqual(['ok', 'input_closed', 'input_closed']);
    expect(types(runId).filter((type) => type === 'input_received')).toHaveLength(1);
  });

  it('takes none once it was stopped', async () => {
    const { runId, requestId } = await asked();
    expect(await alice.ask('stop_agent', { runId })).toMatchObject({ status: 'cancelled' });
    const late = await alice.request('provide_input', { runId, requestId, value: 'x' });

    expect(late).toMatchObject({ error: { code: 'input_closed' } });
    await alice.fence();
    expect(types(runId)).toEqual(['agent_started', 'input_requested', 'agent_cancelled']);
  });

  it('may be answered by a member', async () => {
    await scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
    const bob = await scripted.server.ready('bob');
    const { runId, requestId } = await asked();
    await bob.ask('provide_input', { runId, requestId, value: { any: ['json'] } });
    await told('agent_completed', runId);

    expect(deltaText(alice.events(threadId))).toBe('{"any":["json"]}');
  });
});

describe('A run that fails', () => {
  it('has one end that says so without a stack', async () => {
    const { runId } = await alice.ask('start_agent', {
      ...{ threadId, agent: 'echo', input: { text: 'a b c', failAfter: 2 } },
    });
    const { data } = await told('agent_error', runId);
    await alice.fence();

    expect(data).toMatchObject({ code: 'run_failed', message: 'echo was asked to fail after 2 words.' });
    expect(JSON.stringify(data)).not.toContain('.ts:');
    expect(types(runId).at(-1)).toBe('agent_error');
    expect(deltaText(alice.events(threadId))).toBe('a b ');
  });
});
