import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { FirstThread } from '../../src/gateway/first-thread.js';
import { ConnectionRegistry } from '../../src/gateway/index.js';
import { Storage } from '../../src/storage/index.js';
import { TestServer, checkContiguous, type TestClient } from '../../src/testing/index.js';
import { eventually, expectNothingLeft, hold } from './gateway-kit.js';

describe('A thread named in the handshake', () => {
  let server: TestServer;
  let threadId: string;
  let epoch: string;
  let head: number;

  beforeEach(async () => {
    server = await TestServer.start();
    const writer = await server.ready('alice');
    const answer = await writer.ask('user_message', { content: 'one two three' });
    threadId = answer['threadId'] as string;
    await writer.next('agent_completed');
    const history = await writer.ask('get_thread_history', { threadId });
    epoch = history['epoch'] as string;
    head = history['head'] as number;
    writer.close();
  });

  afterEach(() => server.close());

  const expectRefused = async (client: TestClient, code: string, details: object = {}) => {
    expect(await client.next('exception')).toMatchObject({ request: 'switch_thread', error: { code, ...details } });
    expect(await client.next('connection_ready')).toMatchObject({ threadId: null });
    await client.fence();
    expect(client.names()).toEqual([
      'connection_accepted',
      'connection_authenticated',
      'exception',
      'connection_ready',
    ]);
  };

  it('is the first active one: ready, switched, caught up at the head, and nothing is replayed', async () => {
    const alice = await server.ready('alice', { auth: { threadId } });
    await alice.next('thread_caught_up');

    expect(alice.names().slice(2)).toEqual(['connection_ready', 'thread_switched', 'thread_caught_up']);
    expect(alice.frames.slice(2).map((frame) => frame.data)).toMatchObject([
      { threadId },
      { threadId, previousThreadId: null, head },
      { threadId, head },
    ]);
    expect(await alice.ask('user_message', { content: 'on' })).toMatchObject({ threadId, associated: true });
  });

  it('is replayed from a cursor, without a gap', async () => {
    const alice = await server.ready('alice', { auth: { threadId, after: 2, epoch } });
    await alice.next('thread_caught_up');

    const events = alice.events(threadId);
    checkContiguous(events, 2);
    expect(events.at(-1)?.seq).toBe(head);
    const names = alice.names();
    expect(names.indexOf('thread_switched')).toBe(3);
    expect(names.at(-1)).toBe('thread_caught_up');
  });

  it('is taken in snake_case, and with the rest null', async () => {
    const alice = await server.ready('alice', { auth: { thread_id: threadId, after: null, epoch: null } });

    expect(await alice.next('thread_switched')).toMatchObject({ threadId });
  });

  it('of somebody else is refused as one that does not exist, and the connection is ready without', async () => {
    const token = await server.token('bob');
    await expectRefused(server.connect({ auth: { token, threadId } }), 'thread_not_found');
    await expectRefused(server.connect({ auth: { token, threadId: 'thread_nowhere' } }), 'thread_not_found');
  });

  it.each([
    ['beyond the head', () => ({ after: head + 1 })],
    ['of another log', () => ({ after: 1, epoch: 'another' })],
  ])('with a cursor %s is refused with head and epoch', async (_what, cursor) => {
    const token = await server.token('alice');
    const client = server.connect({ auth: { token, threadId, ...cursor() } });

    await expectRefused(client, 'cursor_invalid', { details: { head, epoch } });
  });

  it.each([
    ['unreadable', { threadId: 'no thread' }, 'invalid_id'],
    ['a number', { threadId: 7 }, 'invalid_payload'],
    ['spelled twice', { threadId: 'thread_a', thread_id: 'thread_b' }, 'invalid_payload'],
    ['with a cursor that is none', { threadId: 'thread_a', after: -1 }, 'invalid_payload'],
  ])('that is %s is refused', async (_what, auth, code) => {
    const token = await server.token('alice');

    await expectRefused(server.connect({ auth: { token, ...auth } }), code);
  });

  it('that goes between being reached and being followed is refused', async () => {
    const first = server.get(FirstThread);
    const prepare = first.prepare.bind(first);
    first.prepare = async (connection) => {
      const prepared = await prepare(connection);
      await server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
      return prepared;
    };

    await expectRefused(server.connect({ auth: { token: await server.token('alice'), threadId } }), 'thread_not_found');
  });

  it('is followed as well when the token comes later', async () => {
    const alice = server.connect({ auth: { threadId, after: 0 } });
    await alice.next('connection_accepted');
    expect(alice.names()).toEqual(['connection_accepted']);
    await alice.ask('authenticate', { token: await server.token('alice') });

    expect(await alice.next('connection_ready')).toMatchObject({ threadId });
    await alice.next('thread_caught_up');
    checkContiguous(alice.events(threadId));
  });

  it('is let go when the client leaves while it is being reached', async () => {
    const access = hold(server.get(Storage).threads, 'access');
    const alice = server.connect({ auth: { token: await server.token('alice'), threadId } });
    await access.arrived();
    alice.close();
    await eventually('it has left', () => server.get(ConnectionRegistry).size === 0);
    access.release();

    await expectNothingLeft(server);
  });
});
