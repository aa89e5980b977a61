import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, checkContiguous, type TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread } from './scripted-server.js';

let scripted: ScriptedServer;
let alice: TestClient;
let threadId: string;

beforeEach(async () => {
  scripted = await ScriptedServer.start({ env: { MAX_QUEUED_RUNS_PER_THREAD: '2' } });
  alice = await scripted.server.ready('alice');
  threadId = await newThread(alice);
  await alice.ask('subscribe_thread', { threadId, after: 0 });
});

afterEach(() => scripted.close());

/** A run that waits at its gate. */
async function held(policy?: string, client = alice) {
  const gate = new Gate();
  const answer = await scripted.run(client, () => gate.opened, { threadId, policy });
  return { gate, runId: answer['runId'], status: answer['status'] };
}

const types = (runId: unknown): string[] =>
  alice
    .events(threadId)
    .filter((event) => event.runId === runId)
    .map((event) => event.type);
const told = (type: string, runId: unknown): Promise<unknown> => alice.next(type, (event) => event['runId'] === runId);

describe('A start on a thread that has a run', () => {
  it('waits for it by default, and begins when that has ended', async () => {
    const first = await held();
    const second = await held();
    expect([first.status, second.status]).toEqual(['running', 'queued']);
    second.gate.open();
    await alice.fence();
    expect(types(second.runId)).toEqual([]);
    first.gate.open();
    await told('agent_completed', second.runId);

    checkContiguous(alice.events(threadId));
    const order = alice.events(threadId).map((event) => [event.runId, event.type]);
    expect(order).toEqual([
      [first.runId, 'agent_started'],
      [first.runId, 'agent_completed'],
      [second.runId, 'agent_started'],
      [second.runId, 'agent_completed'],
    ]);
  });

  it('with `reject` is refused, and leaves no message', async () => {
    const first = await held();
    const refused = await alice.request('user_message', {
      ...{ threadId, content: 'x', policy: 'reject', messageId: 'm' },
    });
    expect(refused).toMatchObject({ error: { code: 'run_in_progress', retryable: true } });
    first.gate.open();
    await told('agent_completed', first.runId);

    const taken = await alice.ask('user_message', { threadId, content: 'x', policy: 'reject', messageId: 'm' });
    expect(taken).toMatchObject({ status: 'running', duplicate: false, seq: 3 });
  });

  it('with `reject`, ten at once from ten connections, is won by exactly one', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => scripted.server.ready('alice')));
    const end = new Gate();
    const start = { threadId, agent: 'script', input: scripted.script.keep(() => end.opened), policy: 'reject' };
    const answers = await Promise.all(clients.map((client) => client.request('start_agent', start)));
    const won = answers.filter((answer) => answer.ok);
    end.open();
    await told('agent_completed', won[0]?.['runId']);
    await alice.fence();

    expect(won).toHaveLength(1);
    for (const answer of answers) if (!answer.ok) expect(answer.error?.code).toBe('run_in_progress');
    expect(alice.events(threadId)).toHaveLength(2);
  });

  it('with `reject`, ten at once on one connection, is won by exactly one', async () => {
    const end = new Gate();
    const start = { threadId, agent: 'script', input: scripted.script.keep(() => end.opened), policy: 'reject' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => alice.request('start_agent', start)));
    end.open();

    expect(answers.map((answer) => answer.ok)).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
  });

  it('with `interrupt` cancels the running one and goes before the queue', async () => {
    const first = await held();
    const queued = await held();
    const urgent = await held('interrupt');
    await told('agent_started', urgent.runId);
    expect(types(first.runId)).toEqual(['agent_started', 'agent_cancelled']);
    expect(types(queued.runId)).toEqual([]);
    urgent.gate.open();
    queued.gate.open();
    await told('agent_completed', queued.runId);

    checkContiguous(alice.events(threadId));
    expect(types(first.runId)).toEqual(['agent_started', 'agent_cancelled']);
    const end = alice.events(threadId).find((event) => event.type === 'agent_cancelled');
    expect(end).toMatchObject({ runId: first.runId, data: { reason: 'interrupted' } });
  });

  it('with `parallel` begins beside it', async () => {
    const first = await held();
    const second = await held('parallel');
    expect(second.status).toBe('running');
    await told('agent_started', second.runId);
    second.gate.open();
    await told('agent_completed', second.runId);
    first.gate.open();
    await told('agent_completed', first.runId);

    checkContiguous(alice.events(threadId));
  });

  it('is refused when too many wait, until one has begun', async () => {
    const first = await held();
    const waiting = [await held(), await held()];
    const refused = await alice.request('user_message', { threadId, content: 'x', messageId: 'm' });
    expect(refused).toMatchObject({ error: { code: 'run_queue_full', retryable: true } });
    first.gate.open();
    await told('agent_started', waiting[0]?.runId);
    expect(await alice.ask('user_message', { threadId, content: 'x', messageId: 'm' })).toMatchObject({
      ...{ status: 'queued', duplicate: false },
    });

    for (const run of waiting) run.gate.open();
    await told('agent_completed', waiting[1]?.runId);
    checkContiguous(alice.events(threadId));
  });

  it.each(['parallel', 'interrupt'] as const)('with `%s` is not held up by a full queue', async (policy) => {
    const first = await held();
    const waiting = [await held(), await held()];
    expect(await alice.request('user_message', { threadId, content: 'x' })).toMatchObject({
      error: { code: 'run_queue_full' },
    });
    const urgent = await held(policy);
    await told('agent_started', urgent.runId);

    for (const run of [urgent, first, ...waiting]) run.gate.open();
    await told('agent_completed', urgent.runId);
    await told(policy === 'interrupt' ? 'agent_cancelled' : 'agent_completed', first.runId);
    await told('agent_completed', waiting[1]?.runId);
    checkContiguous(alice.events(threadId));
  });

  it('of a member counts as any other', async () => {
    await scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
    const bob = await scripted.server.ready('bob');
    const first = await held('queue', bob);
    const refused = await alice.request('start_agent', { threadId, agent: 'echo', input: 'x', policy: 'reject' });
    expect(refused).toMatchObject({ error: { code: 'run_in_progress' } });
    first.gate.open();
    await told('agent_completed', first.runId);
  });
});

describe('Runs over the limits of the process', () => {
  it('wait, and those of one thread are bounded, whatever their policy', async () => {
    const small = await ScriptedServer.start({ env: { MAX_RUNS: '1', MAX_QUEUED_RUNS_PER_THREAD: '2' } });
    try {
      const carol = await small.server.ready('carol');
      const end = new Gate();
      const start = { agent: 'script', input: small.script.keep(() => end.opened), policy: 'parallel' };
      const { threadId: id } = await carol.ask('start_agent', start);
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => carol.request('start_agent', { ...start, threadId: id })),
      );
      const taken = answers.filter((answer) => answer.ok);
      expect(taken.every((answer) => answer['status'] === 'queued')).toBe(true);
      expect(taken.length).toBeLessThanOrEqual(3);
      expect(answers.at(-1)).toMatchObject({ error: { code: 'run_queue_full' } });
      end.open();
      for (const { runId } of taken as { runId?: unknown }[]) {
        await carol.next('agent_completed', (event) => event['runId'] === runId);
      }
      checkContiguous(carol.events(id));
    } finally {
      await small.close();
    }
  });
});
