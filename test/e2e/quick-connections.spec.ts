import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { Authenticator } from '../../src/identity/index.js';
import { Storage } from '../../src/storage/index.js';
import { TestServer } from '../../src/testing/index.js';
import { closedCount, eventually, expectNothingLeft, hold } from './gateway-kit.js';

describe('Quick connects and disconnects', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start({ env: { MAX_CONNECTIONS_PER_USER: '2000', SHUTDOWN_GRACE_MS: '1000' } });
  });

  afterEach(() => server.close());

  it.each([
    [10, 10],
    [1_000, 50],
  ])('leave nothing behind: %d of them, %d at once', async (total, atOnce) => {
    const token = await server.token('alice');
    const witness = await server.ready('bob');
    const { threadId } = await witness.ask('user_message', { content: 'hello' });
    await witness.next('agent_completed');
    const lastFrames = ['connection_accepted', 'connection_authenticated', 'connection_ready'];
    for (let begun = 0; begun < total; begun += atOnce) {
      const clients = Array.from({ length: atOnce }, () => server.connect({ auth: { token } }));
      // Each leaves at another point of its life: some before they hear of it, some in the middle, some when ready.
      const staying = clients.filter((_, n) => n % 4 < lastFrames.length);
      await Promise.all(staying.map((client, n) => client.next(lastFrames[n % lastFrames.length]!)));
      for (const client of clients) client.close();
    }
    await eventually('only the witness is left', () => server.get(ConnectionRegistry).size === 1);

    expect(server.get(ConnectionRegistry).countOf('alice')).toBe(0);
    expect(await witness.ask('user_message', { content: 'still here' })).toMatchObject({ threadId });
    await witness.next('agent_completed');
    witness.close();
    await expectNothingLeft(server);
  });

  it('in the middle of authentication leave nothing behind', async () => {
    const verification = hold(server.get(Authenticator), 'authenticate');
    const token = await server.token('alice');
    const clients = Array.from({ length: 10 }, () => server.connect({ auth: { token } }));
    await verification.arrived(10);
    for (const client of clients) client.close();
    await expectNothingLeft(server);
    verification.release();
    await server.ready('alice').then((alice) => alice.close());

    await expectNothingLeft(server);
    expect(server.get(ConnectionRegistry).countOf('alice')).toBe(0);
    expect(await closedCount(server, 'client_unauthenticated')).toBe(10);
  });

  it.each([
    ['switch_thread', { threadId: 'thread_held' }],
    ['subscribe_thread', { threadId: 'thread_held', after: 0 }],
    ['user_message', { threadId: 'thread_held', content: 'bye' }],
    ['start_agent', { threadId: 'thread_held', agent: 'echo', input: 'bye' }],
    ['get_thread_history', { threadId: 'thread_held' }],
  ])('in the middle of %s leave nothing behind', async (type, payload) => {
    const owner = await server.ready('alice');
    await owner.ask('create_thread', { threadId: 'thread_held' });
    owner.close();
    const clients = await Promise.all(Array.from({ length: 5 }, () => server.ready('alice')));
    const access = hold(server.get(Storage).threads, 'access');
    for (const client of clients) client.socket.emit(type, payload);
    await access.arrived(5);
    for (const client of clients) client.close();
    await eventually('the sockets are gone', () => server.get(ConnectionRegistry).size === 0);
    access.release();

    await expectNothingLeft(server);
  });

  it('in the middle of a run, and of the first message of a chat, leave nothing behind', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => server.ready('alice')));
    for (const client of clients) {
      client.socket.emit('user_message', { content: 'a b c', metadata: { echo: { stallAfter: 1 } } });
    }
    await Promise.all(clients.slice(0, 5).map((client) => client.next('agent_started')));
    for (const client of clients) client.close();

    await expectNothingLeft(server);
  });

  it('keep no listeners on what outlives them', async () => {
    const alice = await server.ready('alice');
    const connection = server.get(ConnectionRegistry).all()[0]!;
    const { nsp, conn } = connection.socket;
    const listeners = (): number[] => ['packetCreate', 'heartbeat', 'flush'].map((name) => conn.listenerCount(name));
    const [before, own] = [nsp.sockets.size, listeners()];
    const others = await Promise.all(['bob', 'carol'].map((user) => server.ready(user)));
    for (const other of others) other.close();
    await eventually('they are gone', () => server.get(ConnectionRegistry).size === 1);

    expect(nsp.sockets.size).toBe(before);
    expect(listeners()).toEqual(own);
    alice.close();
    await expectNothingLeft(server);
    await eventually('the transports are gone', () => nsp.server.engine.clientsCount === 0);
  });
});
