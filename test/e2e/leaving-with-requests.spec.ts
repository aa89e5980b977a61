import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { Storage } from '../../src/storage/index.js';
import { TestServer, type TestClient } from '../../src/testing/index.js';
import { eventually, expectNothingLeft, hold, requestCount } from './gateway-kit.js';

describe('A connection that closes with requests waiting', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  const waiting = (count: number) =>
    eventually(`${count} requests wait`, () =>
      server
        .get(ConnectionRegistry)
        .all()
        .some(({ mailbox }) => mailbox.size === count),
    );
  const leave = async (client: TestClient) => {
    const before = server.get(ConnectionRegistry).size;
    client.close();
    await eventually('it has left', () => server.get(ConnectionRegistry).size === before - 1);
  };

  it('authenticated: they are processed in their order, and the runs take place without it', async () => {
    const alice = await server.ready('alice');
    const bob = await server.ready('bob');
    await alice.ask('create_thread', { threadId: 'thread_left' });
    const access = hold(server.get(Storage).threads, 'access');
    alice.socket.emit('get_thread_history', { threadId: 'thread_left' });
    await access.arrived();
    alice.socket.emit('user_message', { threadId: 'thread_left', content: 'first' });
    alice.socket.emit('user_message', { threadId: 'thread_left', content: 'second' });
    alice.socket.emit('create_thread', { threadId: 'thread_last' });
    await waiting(3);
    await leave(alice);
    access.release();
    await eventually('the last one', async () => (await requestCount(server, 'create_thread', 'ok')) === 2);

    const back = await server.ready('alice', { auth: { threadId: 'thread_left', after: 0 } });
    const contents = ['first', 'second'];
    for (const content of contents) {
      await back.next('agent_completed', (event) => (event['data'] as { content: string }).content === content);
    }
    const said = back.events('thread_left').filter((event) => event.type === 'message_created');
    expect(said.map((event) => (event.data as { content: string }).content)).toEqual(contents);
    expect(await back.request('create_thread', { threadId: 'thread_last' })).toMatchObject({ duplicate: true });
    const reason = 'unauthenticated';
    expect(await server.metrics.value('threadcast_gateway_dropped_requests_total', { reason })).toBe(0);
    back.close();
    bob.close();
    await expectNothingLeft(server);
  });

  it('authenticated, its first thread not yet in place: they are processed all the same', async () => {
    const owner = await server.ready('alice');
    const { threadId } = await owner.ask('create_thread', {});
    const access = hold(server.get(Storage).threads, 'access');
    const alice = server.connect({ auth: { token: await server.token('alice'), threadId } });
    await access.arrived();
    alice.socket.emit('user_message', { content: 'hello', messageId: 'm1' });
    await waiting(1);
    await leave(alice);
    access.release();
    await eventually('it is processed', async () => (await requestCount(server, 'user_message', 'ok')) === 1);

    expect(await owner.ask('user_message', { content: 'hello', messageId: 'm1' })).toMatchObject({ duplicate: true });
    expect(await requestCount(server, 'user_message', 'dropped')).toBe(0);
  });

  it('unauthenticated: they are dropped, counted, and have changed nothing', async () => {
    const stranger = server.connect();
    stranger.socket.emit('create_thread', { threadId: 'thread_never' });
    stranger.socket.emit('user_message', { content: 'never' });
    stranger.socket.emit('ping');
    await waiting(3);
    await leave(stranger);

    const reason = 'unauthenticated';
    expect(await server.metrics.value('threadcast_gateway_dropped_requests_total', { reason })).toBe(3);
    expect(await requestCount(server, 'create_thread', 'dropped')).toBe(1);
    const alice = await server.ready('alice');
    expect(await alice.ask('create_thread', { threadId: 'thread_never' })).toMatchObject({ duplicate: false });
  });

  it('does not take the requests of another connection with it', async () => {
    const [stranger, alice] = [server.connect(), server.connect()];
    await Promise.all([stranger, alice].map((client) => client.next('connection_accepted')));
    stranger.socket.emit('ping');
    const kept = alice.request('ping');
    await eventually(
      'both are held',
      async () => (await server.metrics.value('threadcast_gateway_held_requests_total', {})) === 2,
    );
    await leave(stranger);
    await alice.ask('authenticate', { token: await server.token('alice') });

    expect(await kept).toMatchObject({ ok: true });
  });
});
