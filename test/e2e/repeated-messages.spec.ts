import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, TestServer, checkContiguous, type TestClient } from '../../src/testing/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { ScriptedServer, newThread } from './scripted-server.js';

const FIRST = { content: 'hello big world', messageId: 'm-1' };
const SAME = ['threadId', 'messageId', 'runId', 'seq'];

function same(answer: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(SAME.map((field) => [field, answer[field]]));
}

describe('A repeated first message', () => {
  let scripted: ScriptedServer;
  let alice: TestClient;

  beforeEach(async () => {
    scripted = await ScriptedServer.start();
    alice = await scripted.server.ready('alice');
  });

  afterEach(() => scripted.close());

  it('is answered as the first, on this and on any connection, whatever is active', async () => {
    const first = await alice.ask('user_message', FIRST);
    await alice.next('agent_completed');
    const other = await scripted.server.ready('alice');
    await other.ask('switch_thread', { threadId: await newThread(other) });

    for (const client of [alice, other]) {
      const again = await client.ask('user_message', { ...FIRST, content: 'in other words' });
      expect(again).toMatchObject({ ...same(first), duplicate: true, status: 'completed' });
      const named = await client.ask('user_message', { ...FIRST, threadId: first['threadId'] });
      expect(named).toMatchObject({ ...same(first), duplicate: true });
    }
    const { events } = await alice.ask('get_thread_history', { threadId: first['threadId'] });
    const types = (events as { type: string }[]).map((event) => event.type);
    expect(types.filter((type) => type === 'message_created' || type === 'agent_started')).toHaveLength(2);
    expect(await scripted.server.metrics.value('threadcast_agents_runs_total', { outcome: 'completed' })).toBe(1);
  });

  it('starts nothing twice while its run is going, and follows it from the second connection', async () => {
    const end = new Gate();
    const start = { agent: 'script', input: scripted.script.keep(() => end.opened), messageId: 'm-1' };
    const first = await alice.ask('start_agent', start);
    await alice.next('agent_started');
    const other = await scripted.server.ready('alice');
    const again = await other.ask('start_agent', start);
    expect(again).toMatchObject({ threadId: first['threadId'], runId: first['runId'], duplicate: true });
    expect(again).toMatchObject({ status: 'running', associated: true });
    end.open();
    await other.next('agent_completed');

    expect(other.events(first['threadId']).map((event) => event.type)).toEqual(['agent_completed']);
  });

  it('sent on many connections at once makes one thread with one run, and all of them follow it', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => scripted.server.ready('alice')));
    const answers = await Promise.all(clients.map((client) => client.ask('user_message', FIRST)));
    await Promise.all(
      clients.map((client) => client.ask('switch_thread', { threadId: answers[0]?.['threadId'], after: 0 })),
    );
    await Promise.all(clients.map((client) => client.next('agent_completed')));

    expect(answers.filter((answer) => answer['duplicate'] === false)).toHaveLength(1);
    expect(new Set(answers.map((answer) => JSON.stringify(same(answer)))).size).toBe(1);
    expect(answers.every((answer) => answer['associated'] === true)).toBe(true);
    expect(await scripted.server.metrics.value('threadcast_agents_runs_total', { outcome: 'completed' })).toBe(1);
    const list = (await (await scripted.server.fetch('alice', '/api/threads')).json()) as { threads: unknown[] };
    expect(list.threads).toHaveLength(1);
  });

  it.each(['before', 'after'] as const)('that comes while the first is being stored (%s) finds it', async (where) => {
    const stored = scripted.storage.holdNext('transact', where);
    const first = alice.ask('user_message', FIRST);
    await stored.reached;
    const other = await scripted.server.ready('alice');
    const again = other.ask('user_message', FIRST);
    stored.release();

    const answers = [await first, await again];
    expect(answers.map((answer) => answer['duplicate'])).toEqual([false, true]);
    expect(same(answers[0]!)).toEqual(same(answers[1]!));
    await Promise.all([alice.next('agent_completed'), other.next('agent_completed')]);
    checkContiguous(alice.events(answers[0]?.['threadId']));
  });

  it('of another user is another message', async () => {
    const bob = await scripted.server.ready('bob');
    const [first, foreign] = [await alice.ask('user_message', FIRST), await bob.ask('user_message', FIRST)];

    expect(foreign).toMatchObject({ duplicate: false, seq: 1 });
    expect(foreign['threadId']).not.toBe(first['threadId']);
  });

  it('finds nothing where its thread was deleted, and makes no other', async () => {
    const { threadId } = await alice.ask('user_message', FIRST);
    await alice.next('agent_completed');
    await scripted.server.fetch('alice', `/api/threads/${String(threadId)}`, { method: 'DELETE' });

    expect(await alice.request('user_message', FIRST)).toMatchObject({ error: { code: 'thread_not_found' } });
  });
});

describe('A first message repeated after a restart', () => {
  const dirs = new TempDirs();

  afterEach(() => dirs.remove());

  it('is answered as the first', async () => {
    const dataDir = await dirs.make();
    const before = await TestServer.start({ dataDir });
    const alice = await before.ready('alice');
    const first = await alice.ask('user_message', FIRST);
    await alice.next('agent_completed');
    const log = alice.events(first['threadId']);
    await before.close();
    const after = await TestServer.start({ dataDir });
    try {
      const again = await after.ready('alice');
      expect(await again.ask('user_message', FIRST)).toMatchObject({
        ...{ ...same(first), duplicate: true, status: 'completed', associated: true },
      });
      await again.ask('switch_thread', { threadId: first['threadId'], after: 0 });
      await again.next('agent_completed');
      expect(again.events(first['threadId']).at(-1)).toEqual(log.at(-1));
    } finally {
      await after.close();
    }
  });

  it('is answered as before also where the connection could follow nothing more, and names an agent that is gone', async () => {
    const small = await TestServer.start({ env: { MAX_FOLLOWED_THREADS: '1' } });
    try {
      const alice = await small.ready('alice');
      const first = await alice.ask('user_message', { content: 'hello', messageId: 'm' });
      const { threadId } = first;
      await alice.next('agent_completed');
      const other = await alice.ask('create_thread', {});
      await alice.ask('unsubscribe_thread', { threadId });
      await alice.ask('subscribe_thread', { threadId: other['threadId'] });

      const again = { threadId, content: 'hello', messageId: 'm', agent: 'gone' };
      const repeated = { runId: first['runId'], seq: 1, duplicate: true };
      expect(await alice.ask('user_message', again)).toMatchObject({ ...repeated, associated: false });
      const body = JSON.stringify(again);
      const answer = await small.fetch('alice', `/api/threads/${String(threadId)}/messages`, { method: 'POST', body });
      expect(await answer.json()).toMatchObject(repeated);
    } finally {
      await small.close();
    }
  });
});
