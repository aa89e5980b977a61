import { afterEach, describe, expect, it } from '@jest/globals';

import { Storage } from '../../src/storage/index.js';
import { TestServer, type TestAnswer } from '../../src/testing/index.js';
import { hold, requestCount } from './gateway-kit.js';

describe('A flood of requests', () => {
  let server: TestServer;

  const start = async (env: Record<string, string> = {}) => {
    server = await TestServer.start({ env });
  };

  afterEach(() => server.close());

  const codes = (answers: readonly TestAnswer[]) => answers.map(({ ok, error }) => (ok ? 'ok' : error?.code));

  it('before ready is held up to the count, and what is over is refused at once', async () => {
    await start({ PENDING_MAX_MESSAGES: '5' });
    const alice = server.connect();
    const requests = Array.from({ length: 12 }, (_, n) => alice.request('create_thread', { threadId: `thread_f${n}` }));
    const refused = await Promise.all(requests.slice(5));
    expect(codes(refused)).toEqual(Array(7).fill('pending_queue_full'));
    expect(refused[0]?.error).toMatchObject({ retryable: true });

    await alice.ask('authenticate', { token: await server.token('alice') });
    expect(await alice.next('connection_ready')).toMatchObject({ heldRequests: 5 });
    expect(codes(await Promise.all(requests.slice(0, 5)))).toEqual(Array(5).fill('ok'));
    const { threads } = (await (await server.fetch('alice', '/api/threads')).json()) as { threads: object[] };
    expect(threads).toHaveLength(5);
    expect(await requestCount(server, 'create_thread', 'pending_queue_full')).toBe(7);
  });

  it('before ready is held up to the bytes', async () => {
    await start({ PENDING_MAX_BYTES: '5000' });
    const alice = server.connect();
    const large = { title: 'x'.repeat(400), metadata: { note: 'ü'.repeat(900) } };
    const requests = Array.from({ length: 4 }, () => alice.request('create_thread', large));
    expect(codes(await Promise.all(requests.slice(2)))).toEqual(['pending_queue_full', 'pending_queue_full']);
    const small = alice.request('ping');

    await alice.ask('authenticate', { token: await server.token('alice') });
    expect(await alice.next('connection_ready')).toMatchObject({ heldRequests: 3 });
    expect(codes(await Promise.all([...requests.slice(0, 2), small]))).toEqual(['ok', 'ok', 'ok']);
  });

  it('of a connection says nothing about another one', async () => {
    await start({ PENDING_MAX_MESSAGES: '2' });
    const flooding = server.connect();
    for (let sent = 0; sent < 2; sent += 1) flooding.socket.emit('ping');
    expect(await flooding.request('ping')).toMatchObject({ error: { code: 'pending_queue_full' } });
    const bob = await server.ready('bob');

    expect(await bob.request('ping')).toMatchObject({ ok: true });
  });

  it('after ready waits within the same bounds, behind a request that is slow', async () => {
    await start({ PENDING_MAX_MESSAGES: '3' });
    const alice = await server.ready('alice');
    await alice.ask('create_thread', { threadId: 'thread_slow' });
    const access = hold(server.get(Storage).threads, 'access');
    const slow = alice.request('switch_thread', { threadId: 'thread_slow' });
    await access.arrived();
    const waiting = Array.from({ length: 5 }, () => alice.request('ping'));
    expect(codes(await Promise.all(waiting.slice(3)))).toEqual(['pending_queue_full', 'pending_queue_full']);

    access.release();
    expect(codes([await slow, ...(await Promise.all(waiting.slice(0, 3)))])).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('never refuses one that need not wait, however small the bound', async () => {
    await start({ PENDING_MAX_BYTES: '100' });
    const alice = await server.ready('alice');

    expect(await alice.request('create_thread', { title: 'x'.repeat(300) })).toMatchObject({ ok: true });
  });

  it('leaves those that were refused unused: the same messageId succeeds later', async () => {
    await start({ PENDING_MAX_MESSAGES: '1' });
    const alice = server.connect();
    const held = alice.request('user_message', { content: 'first', messageId: 'm1' });
    const refused = await alice.request('user_message', { content: 'second', messageId: 'm2' });
    expect(refused.error?.code).toBe('pending_queue_full');
    await alice.ask('authenticate', { token: await server.token('alice') });
    expect(await held).toMatchObject({ ok: true, duplicate: false });

    expect(await alice.ask('user_message', { content: 'second', messageId: 'm2' })).toMatchObject({ duplicate: false });
  });
});
