import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { EventEnvelope } from '../../src/protocol/index.js';
import { checkContiguous, type TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread, wire } from './scripted-server.js';

let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

beforeEach(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  threadId = await newThread(alice);
  await alice.ask('subscribe_thread', { threadId, after: 0 });
});

afterEach(() => scripted.close());

async function member(method: 'PUT' | 'DELETE', userId = 'bob'): Promise<void> {
  const response = await scripted.server.fetch('alice', `/api/threads/${threadId}/members/${userId}`, { method });
  expect(response.status).toBe(200);
}

/** A message of Alice, and all of its run. */
async function say(content: string): Promise<void> {
  const { runId } = await alice.ask('user_message', { threadId, content });
  await alice.next('agent_completed', (event) => event['runId'] === runId);
}

const lastUpdate = (client: TestClient): EventEnvelope | undefined =>
  client.events(threadId).findLast((event) => event.type === 'thread_updated');

describe('A member', () => {
  it('sees the thread as its owner does', async () => {
    await say('before');
    await member('PUT');
    await bob.ask('switch_thread', { threadId, after: 0 });
    await say('after');
    await bob.next('agent_completed', (event) => event['seq'] === alice.events(threadId).at(-1)?.seq);

    checkContiguous(bob.events(threadId));
    expect(bob.events(threadId).at(-1)).toEqual(alice.events(threadId).at(-1));
    expect(lastUpdate(bob)?.data).toEqual({ members: ['bob'] });
  });

  it('takes part, and may not share, rename or delete', async () => {
    await member('PUT');
    expect(await bob.ask('user_message', { threadId, content: 'hello' })).toMatchObject({ associated: true });
    await alice.next('agent_completed');
    for (const [method, path, body] of [
      ['PATCH', '', { title: 'mine' }],
      ['DELETE', ''],
      ['PUT', '/members/carol'],
      ['DELETE', '/members/bob'],
    ] as const) {
      const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) };
      const response = await scripted.server.fetch('bob', `/api/threads/${threadId}${path}`, init);
      expect([response.status, await response.json()]).toMatchObject([403, { code: 'forbidden' }]);
    }
  });

  it('that is removed while live is told, and receives nothing with that seq or a later one', async () => {
    await member('PUT');
    await bob.ask('switch_thread', { threadId, after: 0 });
    await bob.next('thread_caught_up');
    await say('shared');
    await member('DELETE');
    await say('not shared any more');
    expect(await bob.next('thread_detached')).toEqual({ threadId, reason: 'access_removed' });
    await bob.fence();

    const removal = lastUpdate(alice)!;
    expect(removal.data).toEqual({ members: [] });
    checkContiguous(bob.events(threadId));
    expect(bob.events(threadId).at(-1)?.seq).toBe(removal.seq - 1);
    expect(wire(bob, threadId).at(-1)).toBe('thread_detached');
    expect(await bob.request('switch_thread', { threadId })).toMatchObject({ error: { code: 'thread_not_found' } });
    expect(await bob.ask('user_message', { content: 'my own' })).not.toMatchObject({ threadId });
  });

  it('that is removed while it replays stops at the same event', async () => {
    await say('shared');
    await member('PUT');
    const read = scripted.storage.holdNext('events.read', 'before');
    await bob.ask('subscribe_thread', { threadId, after: 0 });
    await read.reached;
    await member('DELETE');
    await say('not shared any more');
    read.release();
    await bob.next('thread_detached');
    await bob.fence();

    checkContiguous(bob.events(threadId));
    expect(bob.events(threadId).at(-1)?.seq).toBe(lastUpdate(alice)!.seq - 1);
    expect(wire(bob, threadId)).not.toContain('thread_caught_up');
  });

  it.each(['before', 'after'] as const)(
    'that is removed while it attaches gets nothing (%s the judging)',
    async (at) => {
      await member('PUT');
      const judged = scripted.storage.holdNext('threads.access', at);
      const answered = bob.request('switch_thread', { threadId, after: 0 });
      await judged.reached;
      const removal = scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'DELETE' });
      await alice.next('thread_updated', (event) => (event['data'] as { members: string[] }).members.length === 0);
      judged.release();
      await removal;
      const answer = await answered;
      await say('not shared any more');
      await bob.fence();

      const last = lastUpdate(alice)!.seq;
      expect(bob.events(threadId).every((event) => event.seq < last)).toBe(true);
      if (at === 'before') expect(answer).toMatchObject({ error: { code: 'thread_not_found' } });
      else expect(wire(bob, threadId).at(-1)).toBe('thread_detached');
    },
  );

  it('that is removed and added again reads all of it, the removal too', async () => {
    await member('PUT');
    await member('DELETE');
    await say('while away');
    await member('PUT');
    await bob.ask('subscribe_thread', { threadId, after: 0 });
    await bob.next('thread_caught_up');

    checkContiguous(bob.events(threadId));
    expect(bob.events(threadId).at(-1)?.seq).toBe(lastUpdate(alice)!.seq);
  });

  it('is not touched by the removal of another one, or by a new title', async () => {
    await member('PUT');
    await member('PUT', 'carol');
    await bob.ask('subscribe_thread', { threadId, after: 0 });
    await member('DELETE', 'carol');
    await scripted.server.fetch('alice', `/api/threads/${threadId}`, {
      ...{ method: 'PATCH', body: JSON.stringify({ title: 'Plans' }) },
    });
    await bob.next('thread_updated', ({ data }) => (data as { title?: string }).title === 'Plans');

    expect(bob.names()).not.toContain('thread_detached');
    checkContiguous(bob.events(threadId));
  });

  it('that is removed does not read on in pages of history', async () => {
    await member('PUT');
    const read = scripted.storage.holdNext('events.read', 'before');
    const answered = bob.request('get_thread_history', { threadId });
    await read.reached;
    await member('DELETE');
    await say('not shared any more');
    read.release();
    const { events } = await answered;

    expect((events as EventEnvelope[]).every((event) => event.seq < lastUpdate(alice)!.seq)).toBe(true);
  });
});
