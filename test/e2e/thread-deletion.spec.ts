import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, checkContiguous, type TestClient } from '../../src/testing/index.js';
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
  await scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
});

afterEach(() => scripted.close());

async function remove(): Promise<void> {
  const response = await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
  expect(response.ok).toBe(true);
}

describe('Deleting a thread', () => {
  it('tells everybody who follows it, and nothing of it comes after', async () => {
    const clients = [alice, bob, await scripted.server.ready('alice')];
    for (const client of clients) await client.ask('switch_thread', { threadId, after: 0 });
    await remove();
    for (const client of clients) {
      expect(await client.next('thread_detached')).toEqual({ threadId, reason: 'deleted' });
      await client.fence();
      expect(wire(client, threadId).at(-1)).toBe('thread_detached');
      expect(await client.request('switch_thread', { threadId })).toMatchObject({
        error: { code: 'thread_not_found' },
      });
      expect(await client.ask('user_message', { content: 'a new chat' })).not.toMatchObject({ threadId });
    }
  });

  it('cancels its runs: the agent is told to stop, and old run ids answer `run_ended`', async () => {
    const told = new Gate();
    const { runId } = await scripted.run(
      alice,
      async (context) => {
        context.signal.addEventListener('abort', () => told.open());
        await told.opened;
      },
      { threadId },
    );
    await alice.next('agent_started');
    const waiting = await scripted.run(alice, () => Promise.resolve(), { threadId });
    await remove();
    await told.opened;

    for (const id of [runId, waiting['runId']]) {
      expect(await alice.request('stop_agent', { runId: id })).toMatchObject({ error: { code: 'run_ended' } });
      expect(await alice.request('provide_input', { runId: id, requestId: 'r', value: 1 })).toMatchObject({
        ...{ error: { code: 'run_ended' } },
      });
      expect(await bob.request('stop_agent', { runId: id })).toMatchObject({ error: { code: 'run_not_found' } });
    }
  });

  it('keeps the ids of its runs ended, for who started them and for who owned it, also when it is made again', async () => {
    const { runId } = await bob.ask('user_message', { threadId, content: 'of a member' });
    await bob.next('agent_completed');
    const ended = { error: { code: 'run_ended' } };
    const stranger = await scripted.server.ready('carol');
    await remove();

    for (const client of [alice, bob]) expect(await client.request('stop_agent', { runId })).toMatchObject(ended);
    await alice.ask('create_thread', { threadId });
    for (const client of [alice, bob]) expect(await client.request('stop_agent', { runId })).toMatchObject(ended);
    const unknown = { error: { code: 'run_not_found' } };
    expect(await stranger.request('stop_agent', { runId })).toMatchObject(unknown);
  });

  it('ends a following that is being replayed, and one that attaches at that moment', async () => {
    await alice.ask('user_message', { threadId, content: 'hello' });
    await alice.next('agent_completed');
    const read = scripted.storage.holdNext('events.read', 'after');
    await bob.ask('subscribe_thread', { threadId, after: 0 });
    await read.reached;
    const late = await scripted.server.ready('bob');
    const judged = scripted.storage.holdNext('threads.access', 'after');
    const answered = late.request('subscribe_thread', { threadId });
    await judged.reached;
    await remove();
    read.release();
    judged.release();

    expect(await answered).toMatchObject({ error: { code: 'thread_not_found' } });
    expect(await bob.next('thread_detached')).toMatchObject({ reason: 'deleted' });
    await bob.fence();
    expect(bob.events(threadId)).toEqual([]);
  });

  it('leaves nothing for a former member when its owner makes the id again, however the two interleave', async () => {
    await alice.ask('user_message', { threadId, content: 'hello' });
    await alice.next('agent_completed');
    const judged = scripted.storage.holdNext('threads.access', 'after');
    const answered = bob.request('subscribe_thread', { threadId });
    await judged.reached;
    await remove();
    await alice.ask('create_thread', { threadId });
    const first = alice.frames.length;
    for (let n = 0; n < 4; n += 1) {
      const { runId } = await alice.ask('user_message', { threadId, content: 'mine alone' });
      await alice.next('agent_completed', (event) => event['runId'] === runId);
    }
    judged.release();
    expect(await answered).toMatchObject({ error: { code: 'thread_not_found' } });
    await alice.ask('user_message', { threadId, content: 'mine alone' });
    await alice.next('agent_completed');
    await bob.fence();

    expect(wire(bob, threadId)).toEqual([]);
    const again = alice.events(threadId).slice(alice.events(threadId).findIndex((event) => event.seq === 1, first));
    expect(again.length).toBeGreaterThan(0);
  });

  it('lets its owner begin anew under the id, with another log', async () => {
    await alice.ask('user_message', { threadId, content: 'old', messageId: 'm' });
    await alice.next('agent_completed');
    await remove();
    await alice.next('thread_detached');
    await alice.ask('create_thread', { threadId });
    const from = alice.frames.length;
    const answer = await alice.ask('user_message', { threadId, content: 'new', messageId: 'm' });
    await alice.next('agent_completed');

    expect(answer).toMatchObject({ seq: 1, duplicate: false });
    const events = alice.frames
      .slice(from)
      .filter(({ data }) => data['seq'] !== undefined && data['threadId'] === threadId);
    checkContiguous(events.map(({ data }) => data as never));
    expect(JSON.stringify(events)).not.toContain('old');
  });
});
