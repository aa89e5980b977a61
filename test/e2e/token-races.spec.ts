import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { Authenticator } from '../../src/identity/index.js';
import { ManualClock, TestServer, type TestClient } from '../../src/testing/index.js';
import {
  closeByHand,
  closedCount,
  eventually,
  expectNothingLeft,
  hold,
  requestCount,
  type Hold,
} from './gateway-kit.js';

describe('Races around the token', () => {
  let server: TestServer;
  let clock: ManualClock;
  let verification: Hold;

  beforeEach(async () => {
    clock = new ManualClock();
    server = await TestServer.start({ clock });
    // Only the first token is slow: what comes after it could overtake.
    verification = hold(server.get(Authenticator), 'authenticate', 1);
  });

  afterEach(() => closeByHand(server, clock));

  const tokens = async (...users: string[]) => Promise.all(users.map((user) => server.token(user)));

  /** A fence before ready: what is malformed is answered at once, after what was sent before it has been taken. */
  const arrived = async (client: TestClient): Promise<void> => {
    for (let round = 0; round < 5; round += 1) await client.request('create_thread', 'malformed');
  };

  it('handshake and request at once, the same user: authenticated once, then renewed', async () => {
    const [first, second] = await tokens('alice', 'alice');
    const alice = server.connect({ auth: { token: first } });
    await verification.arrived();
    const authenticated = alice.request('authenticate', { token: second });
    await arrived(alice);
    verification.release();

    expect(await authenticated).toMatchObject({ ok: true, userId: 'alice' });
    await alice.fence();
    expect(alice.names()).toEqual(['connection_accepted', 'connection_authenticated', 'connection_ready']);
    expect(server.get(ConnectionRegistry).countOf('alice')).toBe(1);
  });

  it('handshake and request at once, two users: the handshake came first and stays', async () => {
    const [first, second] = await tokens('alice', 'bob');
    const client = server.connect({ auth: { token: first } });
    await verification.arrived();
    const authenticated = client.request('authenticate', { token: second });
    await arrived(client);
    verification.release();

    expect(await authenticated).toMatchObject({ ok: false, error: { code: 'unauthenticated' } });
    expect(await client.next('connection_ready')).toMatchObject({ userId: 'alice' });
    await client.fence();
    expect(server.get(ConnectionRegistry).countOf('bob')).toBe(0);
  });

  it('a bad handshake and a good request at once: the handshake came first and closes', async () => {
    const [good] = await tokens('alice');
    const client = server.connect({ auth: { token: 'nonsense' } });
    await verification.arrived();
    client.socket.emit('authenticate', { token: good });
    await arrived(client);
    verification.release();

    expect(await client.next('disconnect')).toEqual({ reason: 'io server disconnect' });
    expect(client.names()).not.toContain('connection_authenticated');
    await expectNothingLeft(server);
  });

  it('a bad handshake, and requests held meanwhile: they are answered, then it closes', async () => {
    const client = server.connect({ auth: { token: 'nonsense' } });
    const held = client.request('user_message', { content: 'hello' });
    await verification.arrived();
    await eventually('it is held', () => server.get(ConnectionRegistry).all()[0]?.mailbox.size === 1);
    verification.release();

    expect(await held).toMatchObject({ ok: false, error: { code: 'unauthenticated' } });
    await client.next('disconnect');
  });

  it('two requests at once are taken in their order', async () => {
    const [first, second] = await tokens('alice', 'bob');
    const client = server.connect();
    const answers = [
      client.request('authenticate', { token: first }),
      client.request('authenticate', { token: second }),
    ];
    await verification.arrived();
    await arrived(client);
    verification.release();

    expect(await Promise.all(answers)).toMatchObject([
      { ok: true, userId: 'alice' },
      { ok: false, error: { code: 'unauthenticated' } },
    ]);
    expect(await client.next('connection_ready')).toMatchObject({ userId: 'alice' });
  });

  it('the deadline passes while requests to authenticate are in hand: all are answered before the end', async () => {
    const [first, second] = await tokens('alice', 'alice');
    const client = server.connect();
    const answers = [
      client.request('authenticate', { token: first }),
      client.request('authenticate', { token: second }),
    ];
    await verification.arrived();
    await arrived(client);
    clock.advance(10_000);

    const refused = { ok: false, error: { code: 'auth_timeout' } };
    expect(await Promise.all(answers)).toMatchObject([refused, refused]);
    expect(await client.next('disconnect')).toEqual({ reason: 'io server disconnect' });
    verification.release();
    await expectNothingLeft(server);
    expect(await requestCount(server, 'authenticate', 'auth_timeout')).toBe(2);
  });

  it('the deadline passes while a good token is verified: closed, and it stays closed', async () => {
    const [token] = await tokens('alice');
    const timers = clock.pendingTimers;
    const client = server.connect({ auth: { token } });
    await verification.arrived();
    clock.advance(10_000);
    await client.next('disconnect');
    verification.release();
    const outcome = 'auth_timeout';
    await eventually(
      'the attempt is over',
      async () => (await server.metrics.value('threadcast_gateway_authentications_total', { outcome })) === 1,
    );

    await expectNothingLeft(server);
    await eventually('no timer is left', () => clock.pendingTimers === timers);
    expect(client.names()).toEqual(['connection_accepted', 'exception', 'disconnect']);
    expect(await closedCount(server, 'auth_timeout')).toBe(1);
  });

  it('the token is verified just before the deadline: ready, and the deadline is gone', async () => {
    const [token] = await tokens('alice');
    const client = server.connect({ auth: { token } });
    await verification.arrived();
    clock.advance(9_999);
    verification.release();
    await client.next('connection_ready');
    clock.advance(60_000);
    await client.fence();

    expect(client.names()).not.toContain('exception');
  });

  it('the client leaves while its token is verified: nothing is left, what it asked is counted as dropped', async () => {
    const [token] = await tokens('alice');
    const client = server.connect({ auth: { token } });
    client.socket.emit('user_message', { content: 'never' });
    await verification.arrived();
    await eventually('it is held', () => server.get(ConnectionRegistry).all()[0]?.mailbox.size === 1);
    client.close();
    await expectNothingLeft(server);
    verification.release();

    await eventually('it is counted', async () => (await requestCount(server, 'user_message', 'dropped')) === 1);
    const reason = 'unauthenticated';
    expect(await server.metrics.value('threadcast_gateway_dropped_requests_total', { reason })).toBe(1);
    expect(server.get(ConnectionRegistry).countOf('alice')).toBe(0);
    await expectNothingLeft(server);
  });
});
