import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, checkContiguous, type TestClient } from '../../src/testing/index.js';
import { newThread, wire } from './scripted-server.js';

let server: TestServer;
let alice: TestClient;
let threadId: string;
let epoch: unknown;
let head: number;

beforeEach(async () => {
  server = await TestServer.start();
  alice = await server.ready('alice');
  const producer = await server.ready('alice');
  threadId = await newThread(producer);
  await producer.ask('user_message', { threadId, content: 'one two three' });
  await producer.next('agent_completed');
  const answer = await producer.ask('get_thread_history', { threadId });
  epoch = answer['epoch'];
  head = Number(answer['head']);
});

afterEach(() => server.close());

describe.each(['switch_thread', 'subscribe_thread'])('A cursor, by %s', (request) => {
  it('replays what comes after it, and then goes live', async () => {
    expect(await alice.ask(request, { threadId, after: 2, epoch })).toMatchObject({ threadId, head, epoch });
    await alice.next('thread_caught_up');
    const { runId } = await alice.ask('user_message', { threadId, content: 'more' });
    await alice.next('agent_completed', (event) => event['runId'] === runId);

    checkContiguous(alice.events(threadId), 2);
    expect(alice.events(threadId)[0]).toMatchObject({ seq: 3 });
  });

  it('at the head replays nothing; without one, following starts at the head that the answer names', async () => {
    for (const position of [{ after: head }, {}]) {
      const client = await server.ready('alice');
      expect(await client.ask(request, { threadId, ...position })).toMatchObject({ head });
      expect(await client.next('thread_caught_up')).toEqual({ threadId, head });
      expect(client.events(threadId)).toEqual([]);
    }
  });

  it.each(['beyond the head', 'of another log'])('%s is refused with the head and the epoch', async (kind) => {
    const position = kind === 'beyond the head' ? { after: head + 1 } : { after: 0, epoch: 'another' };
    expect(await alice.request(request, { threadId, ...position })).toMatchObject({
      ok: false,
      error: { code: 'cursor_invalid', retryable: false, details: { head, epoch } },
    });
    await alice.fence();
    expect(wire(alice, threadId)).toEqual([]);
  });

  it('is judged by the log of the thread that was deleted and made again', async () => {
    await server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
    const again = await alice.ask('create_thread', { threadId });
    expect(again).toMatchObject({ head: 0, duplicate: false });
    expect(again['epoch']).not.toBe(epoch);

    for (const position of [{ after: 2, epoch }, { after: 0, epoch }, { after: 2 }]) {
      expect(await alice.request(request, { threadId, ...position })).toMatchObject({
        error: { code: 'cursor_invalid', details: { head: 0, epoch: again['epoch'] } },
      });
    }
  });

  it('on a thread that is followed already begins a new following; none changes nothing', async () => {
    await alice.ask(request, { threadId });
    await alice.next('thread_caught_up');
    await alice.ask(request, { threadId, after: 0 });
    await alice.next('thread_caught_up');
    expect(alice.events(threadId).at(-1)?.seq).toBe(head);
    checkContiguous(alice.events(threadId));

    const from = alice.frames.length;
    await alice.ask(request, { threadId });
    const { runId } = await alice.ask('user_message', { threadId, content: 'more', messageId: 'm' });
    await alice.next('agent_completed', (event) => event['runId'] === runId);
    checkContiguous(alice.events(threadId));
    expect(wire(alice, threadId, from)).not.toContain('message_created 1');
  });
});

describe('The thread of the handshake', () => {
  it('is the first active one, replayed from its cursor', async () => {
    const client = await server.ready('alice', { auth: { threadId, after: 0, epoch } });
    await client.next('thread_caught_up');

    expect(client.names().slice(0, 5)).toEqual([
      ...['connection_accepted', 'connection_authenticated', 'connection_ready', 'thread_switched', 'message_created'],
    ]);
    checkContiguous(client.events(threadId));
    expect(client.events(threadId).at(-1)?.seq).toBe(head);
  });

  it.each([{ after: 99 }, { after: 0, epoch: 'another' }])('refused for its cursor is none: %j', async (position) => {
    const client = await server.ready('alice', { auth: { threadId, ...position } });
    const refusal = await client.next('exception');

    expect(refusal).toMatchObject({ request: 'switch_thread', error: { code: 'cursor_invalid' } });
    expect(client.frames.find(({ name }) => name === 'connection_ready')?.data).toMatchObject({ threadId: null });
    await client.fence();
    expect(wire(client, threadId)).toEqual([]);
  });

  it('is refused to who may not read it as if it were not there', async () => {
    const refusals = [];
    for (const foreign of [threadId, 'thread_madeUp']) {
      const bob = await server.ready('bob', { auth: { threadId: foreign, after: 0, epoch } });
      refusals.push(await bob.next('exception'));
      await bob.fence();
      expect(wire(bob, foreign)).toEqual([]);
    }

    expect(refusals[0]).toEqual(refusals[1]);
  });
});
