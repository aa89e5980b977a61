import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Authenticator } from '../../src/identity/index.js';
import { Storage } from '../../src/storage/index.js';
import { TestServer, deltaText } from '../../src/testing/index.js';
import { eventually, hold, requestCount } from './gateway-kit.js';

describe('Requests that come before the connection is ready', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  const heldSoFar = (): Promise<number> => server.metrics.value('threadcast_gateway_held_requests_total', {});

  it('are held without a token, and answered in their order once it has come', async () => {
    const alice = server.connect();
    const order: string[] = [];
    const ask = (name: string, type: string, payload?: unknown) =>
      alice.request(type, payload).then((answer) => {
        order.push(name);
        return answer;
      });
    const created = ask('create', 'create_thread', { threadId: 'thread_held' });
    const switched = ask('switch', 'switch_thread', { threadId: 'thread_held' });
    const sent = ask('message', 'user_message', { content: 'one two' });
    const pinged = ask('ping', 'ping');
    await eventually('four requests are held', async () => (await heldSoFar()) === 4);
    expect(order).toEqual([]);
    expect(alice.names()).toEqual(['connection_accepted']);

    await ask('authenticate', 'authenticate', { token: await server.token('alice') });
    expect(await alice.next('connection_ready')).toMatchObject({ userId: 'alice', threadId: null, heldRequests: 4 });
    expect(await created).toMatchObject({ ok: true, duplicate: false });
    expect(await switched).toMatchObject({ ok: true, threadId: 'thread_held' });
    expect(await sent).toMatchObject({ ok: true, threadId: 'thread_held', seq: 1, associated: true });
    expect(await pinged).toMatchObject({ ok: true });
    await alice.next('agent_completed');
    expect(order).toEqual(['authenticate', 'create', 'switch', 'message', 'ping']);
    expect(deltaText(alice.events('thread_held'))).toBe('one two');
  });

  it('are held while the token of the handshake is verified', async () => {
    const verification = hold(server.get(Authenticator), 'authenticate');
    const alice = server.connect({ auth: { token: await server.token('alice') } });
    await verification.arrived();
    const sent = alice.request('user_message', { content: 'early' });
    await eventually('it is held', async () => (await heldSoFar()) === 1);
    expect(await requestCount(server, 'user_message', 'ok')).toBe(0);

    verification.release();
    expect(await sent).toMatchObject({ ok: true, associated: true });
    expect(await alice.next('connection_ready')).toMatchObject({ heldRequests: 1 });
  });

  it('are held after authentication until the first thread is in place', async () => {
    const owner = await server.ready('alice');
    const { threadId } = await owner.ask('create_thread', {});
    const context = hold(server.get(Storage).threads, 'access');
    const alice = server.connect({ auth: { token: await server.token('alice'), threadId } });
    await alice.next('connection_authenticated');
    await context.arrived();
    const sent = alice.request('user_message', { content: 'where?' });
    await eventually('it is held', async () => (await heldSoFar()) === 1);
    expect(alice.names()).not.toContain('connection_ready');

    context.release();
    expect(await alice.next('connection_ready')).toMatchObject({ threadId, heldRequests: 1 });
    expect(await sent).toMatchObject({ ok: true, threadId, seq: 1, associated: true });
    await alice.next('agent_completed');
    expect(alice.names().indexOf('connection_ready')).toBeLessThan(alice.names().indexOf('message_created'));
  });

  it('keep their order with those that come after ready', async () => {
    const alice = server.connect();
    const early = ['a', 'b', 'c'].map((key) => alice.ask('create_thread', { threadId: `thread_${key}` }));
    const seen = early.map((answer, index) => answer.then(() => index));
    const authenticated = alice.ask('authenticate', { token: await server.token('alice') });
    const late = alice.ask('get_thread_history', { threadId: 'thread_c' });

    await authenticated;
    expect(await Promise.all(seen)).toEqual([0, 1, 2]);
    expect(await late).toMatchObject({ head: 0 });
  });

  it('run as the user who authenticates, and as nobody before', async () => {
    const bob = await server.ready('bob');
    await bob.ask('create_thread', { threadId: 'thread_of-bob' });
    const stranger = server.connect();
    const read = stranger.request('get_thread_history', { threadId: 'thread_of-bob' });
    const made = stranger.request('create_thread', { threadId: 'thread_new' });
    await eventually('both are held', async () => (await heldSoFar()) === 2);

    await stranger.ask('authenticate', { token: await server.token('mallory') });
    expect(await read).toMatchObject({ ok: false, error: { code: 'thread_not_found' } });
    expect(await made).toMatchObject({ ok: true });
    const thread = await server.fetch('mallory', '/api/threads/thread_new');
    expect(await thread.json()).toMatchObject({ ownerId: 'mallory' });
  });

  it('fail as events where there is no callback', async () => {
    const alice = server.connect();
    alice.socket.emit('switch_thread', { threadId: 'thread_nowhere' });
    await alice.ask('authenticate', { token: await server.token('alice') });

    expect(await alice.next('exception')).toMatchObject({
      request: 'switch_thread',
      error: { code: 'thread_not_found' },
    });
    expect(alice.socket.connected).toBe(true);
  });
});
