import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ManualClock, TestServer } from '../../src/testing/index.js';
import { closeByHand, closedCount, connectionGauges } from './gateway-kit.js';

const AUTH_TIMEOUT_MS = 10_000;

describe('Authenticating by request', () => {
  let server: TestServer;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    server = await TestServer.start({ clock });
  });

  afterEach(() => closeByHand(server, clock));

  it('is answered with the user and the end of the token, then the connection becomes ready', async () => {
    const alice = server.connect();
    await alice.next('connection_accepted');
    const token = await server.token('alice', { ttlMs: 60_000 });
    const expiresAt = clock.now() + 60_000;

    expect(await alice.ask('authenticate', { token })).toEqual({ ok: true, userId: 'alice', expiresAt });
    await alice.next('connection_ready');
    expect(alice.names()).toEqual(['connection_accepted', 'connection_authenticated', 'connection_ready']);
  });

  it('may come as late as the deadline', async () => {
    const alice = server.connect();
    const bob = server.connect();
    await Promise.all([alice.next('connection_accepted'), bob.next('connection_accepted')]);
    clock.advance(AUTH_TIMEOUT_MS - 1);
    await alice.ask('authenticate', { token: await server.token('alice') });
    clock.advance(1);

    expect(await bob.next('exception')).toMatchObject({ error: { code: 'auth_timeout' } });
    await alice.fence();
    expect(await connectionGauges(server)).toEqual({ ready: 1 });
  });

  it('may fail and be tried again; what is held stays held', async () => {
    const alice = server.connect();
    const held = alice.request('ping');
    for (const token of ['nonsense', 7, undefined, '', await server.token('alice').then((good) => `${good}x`)]) {
      const answer = await alice.request('authenticate', { token });
      expect(answer).toMatchObject({ ok: false });
      expect(['unauthenticated', 'invalid_payload']).toContain(answer.error?.code);
    }
    expect(alice.names()).toEqual(['connection_accepted']);

    await alice.ask('authenticate', { token: await server.token('alice') });
    expect(await alice.next('connection_ready')).toMatchObject({ userId: 'alice', heldRequests: 1 });
    expect(await held).toMatchObject({ ok: true });
  });

  it('does not move the deadline when it fails', async () => {
    const alice = server.connect();
    await alice.next('connection_accepted');
    clock.advance(AUTH_TIMEOUT_MS / 2);
    await alice.request('authenticate', { token: 'nonsense' });
    clock.advance(AUTH_TIMEOUT_MS / 2);

    expect(await alice.next('exception')).toMatchObject({ error: { code: 'auth_timeout' }, reconnect: false });
    await alice.next('disconnect');
  });

  it('renews the token of a ready connection', async () => {
    const alice = await server.ready('alice', { auth: { token: await server.token('alice', { ttlMs: 1_000 }) } });
    const renewed = await alice.ask('authenticate', { token: await server.token('alice', { ttlMs: 5_000 }) });
    expect(renewed).toMatchObject({ userId: 'alice', expiresAt: clock.now() + 5_000 });
    clock.advance(4_999);
    await alice.fence();
    expect(alice.names()).toEqual(['connection_accepted', 'connection_authenticated', 'connection_ready']);

    clock.advance(1);
    expect(await alice.next('exception')).toMatchObject({ error: { code: 'token_expired' }, reconnect: false });
  });

  it('may renew to a token that ends earlier', async () => {
    const alice = await server.ready('alice');
    await alice.ask('authenticate', { token: await server.token('alice', { ttlMs: 500 }) });
    clock.advance(500);

    expect(await alice.next('exception')).toMatchObject({ error: { code: 'token_expired' } });
  });

  it('as another user is refused on a ready connection, and nothing changes', async () => {
    const alice = await server.ready('alice', { auth: { token: await server.token('alice', { ttlMs: 1_000 }) } });
    const { threadId } = await alice.ask('user_message', { content: 'mine' });
    await alice.next('agent_completed');
    const refused = await alice.request('authenticate', { token: await server.token('bob', { ttlMs: 60_000 }) });
    expect(refused).toMatchObject({ ok: false, error: { code: 'unauthenticated' } });

    expect(await alice.ask('get_thread_history', { threadId })).toMatchObject({ ok: true });
    expect(await alice.ask('user_message', { content: 'again' })).toMatchObject({ threadId });
    await alice.next('agent_completed');
    clock.advance(1_000);
    expect(await alice.next('exception')).toMatchObject({ error: { code: 'token_expired' } });
  });

  it('with a bad token is refused on a ready connection, and nothing changes', async () => {
    const alice = await server.ready('alice', { auth: { token: await server.token('alice', { ttlMs: 1_000 }) } });
    const expired = await server.token('alice', { ttlMs: 1 });
    clock.advance(1);
    for (const token of ['nonsense', expired]) {
      expect(await alice.request('authenticate', { token })).toMatchObject({ error: { code: 'unauthenticated' } });
    }
    await alice.fence();
    expect(alice.socket.connected).toBe(true);

    clock.advance(999);
    expect(await alice.next('exception')).toMatchObject({ error: { code: 'token_expired' } });
    expect(await closedCount(server, 'token_expired')).toBe(1);
  });
});

describe('A token that lasts longer than a timer can', () => {
  it('keeps its connection', async () => {
    const server = await TestServer.start();
    try {
      const token = await server.token('alice', { ttlMs: 5 * 365 * 86_400_000 });
      const alice = await server.ready('alice', { auth: { token } });
      for (let round = 0; round < 20; round += 1) await alice.fence();

      expect(alice.names()).toEqual(['connection_accepted', 'connection_authenticated', 'connection_ready']);
    } finally {
      await server.close();
    }
  });
});
