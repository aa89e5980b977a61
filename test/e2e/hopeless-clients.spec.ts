import { afterEach, describe, expect, it } from '@jest/globals';
import type { Socket as TcpSocket } from 'node:net';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { Authenticator } from '../../src/identity/index.js';
import { TestServer, type TestClient } from '../../src/testing/index.js';
import { closedCount, eventually, hold } from './gateway-kit.js';

describe('A client that does not read', () => {
  let server: TestServer;

  afterEach(() => server.close());

  const start = async (env: Record<string, string> = {}): Promise<void> => {
    server = await TestServer.start({ env });
  };

  /** The TCP socket below a client: paused, it reads nothing. */
  const tcp = (client: TestClient): TcpSocket =>
    (client.socket.io.engine as unknown as { transport: { ws: { _socket: TcpSocket } } }).transport.ws._socket;

  const flood = (client: TestClient, name: string, times: number): void => {
    for (let sent = 0; sent < times; sent += 1) client.socket.emit(name);
  };

  it('unauthenticated, is ended at the bound of slow readers', async () => {
    await start({ SLOW_CONSUMER_BYTES: '20000', PENDING_MAX_MESSAGES: '1' });
    const stranger = server.connect();
    await stranger.next('connection_accepted');
    const [connection] = server.get(ConnectionRegistry).all();
    // In one turn, so that no answer leaves in between.
    flood(stranger, 'x'.repeat(90), 400);
    await eventually('it is ended', () => connection?.isClosed === true);

    expect(await stranger.next('exception', (data) => data['reconnect'] === true)).toMatchObject({
      error: { code: 'rate_limited', message: 'The answers to the requests are not read.' },
    });
    expect(await closedCount(server, 'rate_limited')).toBe(1);
  });

  it('is ended after a thousand refusals in a row, and told so', async () => {
    await start({ RATE_LIMIT_BURST: '1', RATE_LIMIT_MESSAGES_PER_SEC: '1' });
    const alice = await server.ready('alice');
    tcp(alice).pause();
    flood(alice, 'ping', 30_000);
    await eventually('it is ended', () => server.get(ConnectionRegistry).size === 0);
    tcp(alice).resume();

    expect(await alice.next('exception', (data) => data['reconnect'] === true)).toMatchObject({
      error: { code: 'rate_limited', message: '1000 requests in a row were refused.' },
    });
  });

  it('is not one that reads every refusal', async () => {
    await start({ RATE_LIMIT_BURST: '1', RATE_LIMIT_MESSAGES_PER_SEC: '1' });
    const alice = await server.ready('alice');
    for (let asked = 0; asked < 1_200; asked += 1) await alice.request('ping');

    expect(alice.disconnects).toEqual([]);
  });
});

describe('Attempts to authenticate', () => {
  let server: TestServer;

  afterEach(() => server.close());

  it('wait in small number', async () => {
    server = await TestServer.start();
    const verification = hold(server.get(Authenticator), 'authenticate');
    const stranger = server.connect();
    const answers = Array.from({ length: 10 }, () => stranger.request('authenticate', { token: 'guess' }));
    const refused = await Promise.all(answers.slice(6));
    verification.release();
    const looked = await Promise.all(answers.slice(0, 6));

    expect(refused.map(({ error }) => error?.code)).toEqual(Array(4).fill('pending_queue_full'));
    expect(looked.map(({ error }) => error?.code)).toEqual(Array(6).fill('unauthenticated'));
  });

  it('are refused unseen with a token that is none for its length, by request and in the handshake', async () => {
    server = await TestServer.start();
    const token = 'x'.repeat(16_385);
    const verification = hold(server.get(Authenticator), 'authenticate', 0);
    const stranger = server.connect();
    expect(await stranger.request('authenticate', { token })).toMatchObject({
      error: { code: 'invalid_payload', details: { fields: [{ field: 'token' }] } },
    });
    const another = server.connect({ auth: { token } });
    expect(await another.next('exception')).toMatchObject({ error: { code: 'unauthenticated' }, reconnect: false });

    const looked = { value: false };
    void verification.arrived().then(
      () => (looked.value = true),
      () => undefined,
    );
    await stranger.request('authenticate', { token: 7 });
    expect(looked.value).toBe(false);
    await stranger.request('authenticate', { token: 'x'.repeat(16_384) });
    await eventually('that one is looked at', () => looked.value);
  });

  it('leave no token behind: the socket forgets its handshake', async () => {
    server = await TestServer.start();
    await server.ready('alice', { auth: { threadId: 'thread_none', after: 0 } });

    const [connection] = server.get(ConnectionRegistry).all();
    expect(connection?.socket.handshake.auth).toEqual({});
    // Nor what may hold others: cookies, an address with a query.
    const nothing = { headers: {}, query: {}, auth: {}, url: '', address: '', time: '', issued: 0 };
    expect(connection?.socket.handshake).toEqual({ ...nothing, secure: false, xdomain: false });
    expect(connection?.socket.request).toBeUndefined();
  });
});
