import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer } from '../../src/testing/index.js';
import { connectionGauges, expectNothingLeft } from './gateway-kit.js';

describe('Connecting without a thread', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start({ env: { AUTH_TIMEOUT_MS: '7000' } });
  });

  afterEach(() => server.close());

  it('is accepted at once, without a token, and waits', async () => {
    const alice = server.connect();
    const accepted = await alice.next('connection_accepted');

    expect(accepted).toEqual({ connectionId: expect.stringMatching(/^conn_[0-9a-f-]{36}$/u), authTimeoutMs: 7000 });
    expect(alice.names()).toEqual(['connection_accepted']);
    expect(await connectionGauges(server)).toEqual({ accepted: 1 });
  });

  it('shows each step of its life, once and in order', async () => {
    const alice = await server.ready('alice');
    await alice.fence();

    expect(alice.names()).toEqual(['connection_accepted', 'connection_authenticated', 'connection_ready']);
    const [accepted, authenticated, ready] = alice.frames.map((frame) => frame.data);
    const { connectionId } = accepted!;
    expect(authenticated).toEqual({ connectionId, userId: 'alice', expiresAt: expect.any(Number) });
    expect(ready).toEqual({ connectionId, userId: 'alice', threadId: null, heldRequests: 0 });
    expect(await connectionGauges(server)).toEqual({ ready: 1 });
  });

  it('gives each user, and each connection of a user, its own', async () => {
    const clients = await Promise.all(['alice', 'alice', 'bob'].map((user) => server.ready(user)));
    const ready = clients.map((client) => client.frames.find((frame) => frame.name === 'connection_ready')!.data);

    expect(ready.map(({ userId }) => userId)).toEqual(['alice', 'alice', 'bob']);
    expect(new Set(ready.map(({ connectionId }) => connectionId)).size).toBe(3);
  });

  it('serves requests, and follows nothing that nobody asked for', async () => {
    const alice = await server.ready('alice');
    const bob = await server.ready('bob');
    const { threadId } = await alice.ask('create_thread', { title: 'plans' });
    await bob.ask('user_message', { content: 'hello' });
    await bob.next('agent_completed');
    await alice.fence();

    expect(alice.names()).toEqual(['connection_accepted', 'connection_authenticated', 'connection_ready']);
    expect(await alice.ask('get_thread_history', { threadId })).toMatchObject({ head: 0, events: [] });
  });

  it('leaves nothing behind', async () => {
    const alice = await server.ready('alice');
    await alice.ask('user_message', { content: 'hello' });
    await alice.next('agent_completed');
    server.connect().close();
    alice.close();

    await expectNothingLeft(server);
  });
});
