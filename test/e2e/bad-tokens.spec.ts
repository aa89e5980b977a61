import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { Storage } from '../../src/storage/index.js';
import { ManualClock, TestServer, type TestClient } from '../../src/testing/index.js';
import { closeByHand, closedCount, eventually, expectNothingLeft, hold, requestCount } from './gateway-kit.js';

const AUTH_TIMEOUT_MS = 3_000;

describe('A token that is bad, missing or expired', () => {
  let server: TestServer;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    server = await TestServer.start({ clock, env: { AUTH_TIMEOUT_MS: `${AUTH_TIMEOUT_MS}` } });
  });

  afterEach(() => closeByHand(server, clock));

  /** A client with its stock ways: it would come back by itself. */
  const stock = (auth: object): TestClient =>
    server.connect({ auth, reconnection: true, reconnectionDelay: 0, reconnectionDelayMax: 1 });

  const expectEndedForGood = async (client: TestClient, code: string): Promise<void> => {
    expect(await client.next('exception')).toMatchObject({ error: { code }, reconnect: false });
    expect(await client.next('disconnect')).toEqual({ reason: 'io server disconnect' });
    expect(client.socket.active).toBe(false);
    await expectNothingLeft(server);
    expect(await server.metrics.value('threadcast_gateway_accepted_total', {})).toBe(1);
  };

  it.each([
    ['no JWT', 'nonsense'],
    ['no text', 42],
    ['an object', { sub: 'alice' }],
    ['signed by nobody', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.'],
  ])('closes the connection for good when it comes in the handshake: %s', async (_what, token) => {
    const client = stock({ token });
    await expectEndedForGood(client, 'unauthenticated');
    expect(client.names()).toEqual(['connection_accepted', 'exception', 'disconnect']);
    expect(await closedCount(server, 'unauthenticated')).toBe(1);
  });

  it('closes the connection for good when it has expired before the handshake', async () => {
    const token = await server.token('alice', { ttlMs: 1_000 });
    clock.advance(1_000);
    const client = stock({ token });

    await expectEndedForGood(client, 'unauthenticated');
  });

  it.each([
    ['missing', {}],
    ['null', { token: null }],
    ['empty', { token: '' }],
  ])(
    'that is %s is waited for until the deadline; then what is held is answered, and the connection closed',
    async (_what, auth) => {
      const client = stock(auth);
      const held = [client.request('ping'), client.request('user_message', { content: 'hello' })];
      await eventually('both are held', () => server.get(ConnectionRegistry).all()[0]?.mailbox.size === 2);
      clock.advance(AUTH_TIMEOUT_MS - 1);
      expect(client.names()).toEqual(['connection_accepted']);

      clock.advance(1);
      for (const answer of await Promise.all(held)) {
        expect(answer).toMatchObject({ ok: false, error: { code: 'auth_timeout' } });
      }
      await expectEndedForGood(client, 'auth_timeout');
      expect(await requestCount(server, 'user_message', 'auth_timeout')).toBe(1);
    },
  );

  it('that is missing ends with an exception for each request held without a callback', async () => {
    const client = server.connect();
    client.socket.emit('create_thread', {});
    await eventually('it is held', () => server.get(ConnectionRegistry).all()[0]?.mailbox.size === 1);
    clock.advance(AUTH_TIMEOUT_MS);

    expect(await client.next('exception')).toMatchObject({ request: 'create_thread', error: { code: 'auth_timeout' } });
    expect(await client.next('exception')).toMatchObject({ error: { code: 'auth_timeout' }, reconnect: false });
  });

  it('that runs out ends a ready connection for good, exactly then', async () => {
    const client = stock({ token: await server.token('alice', { ttlMs: 60_000 }) });
    await client.next('connection_ready');
    clock.advance(59_999);
    await client.fence();
    clock.advance(1);

    await expectEndedForGood(client, 'token_expired');
    expect(await closedCount(server, 'token_expired')).toBe(1);
  });

  it('that runs out for one user does not touch another', async () => {
    const alice = await server.ready('alice', { auth: { token: await server.token('alice', { ttlMs: 1_000 }) } });
    const bob = await server.ready('bob');
    clock.advance(1_000);
    await alice.next('disconnect');
    await bob.fence();

    expect(bob.names()).not.toContain('exception');
  });

  it('that runs out while requests wait leaves none of them without an answer, and runs none', async () => {
    const alice = await server.ready('alice', { auth: { token: await server.token('alice', { ttlMs: 1_000 }) } });
    const { threadId } = await alice.ask('create_thread', {});
    const access = hold(server.get(Storage).threads, 'access');
    alice.socket.emit('switch_thread', { threadId });
    await access.arrived();
    const waiting = [alice.request('user_message', { threadId, content: 'too late' }), alice.request('ping')];
    await eventually('they wait', () => server.get(ConnectionRegistry).all()[0]?.mailbox.size === 2);
    clock.advance(1_000);
    const answers = await Promise.all(waiting);
    await alice.next('disconnect');
    access.release();

    expect(answers.map(({ error }) => error?.code)).toEqual(['token_expired', 'token_expired']);
    const again = await server.ready('alice');
    expect(await again.ask('get_thread_history', { threadId })).toMatchObject({ head: 0 });
  });
});
