import { afterEach, describe, expect, it } from '@jest/globals';

import { TestServer, type TestClient } from '../../src/testing/index.js';
import { expectNothingLeft, requestCount } from './gateway-kit.js';

describe('Limits of requests', () => {
  let server: TestServer;

  afterEach(() => server.close());

  const start = async (env: Record<string, string>): Promise<void> => {
    server = await TestServer.start({ env });
  };

  it.each(['websocket', 'polling'])('too large is refused up to four times the size, over %s', async (transport) => {
    await start({ MAX_MESSAGE_BYTES: '2000' });
    const alice = await server.ready('alice', { transports: [transport] });
    const bob = await server.ready('bob');
    const sized = (bytes: number) => ({ title: 'x'.repeat(bytes) });
    expect(await alice.request('create_thread', sized(400))).toMatchObject({ ok: true });
    for (const bytes of [2_001, 4_000, 7_900]) {
      const answer = await alice.request('create_thread', sized(bytes));
      expect(answer).toMatchObject({ ok: false, error: { code: 'message_too_large', retryable: false } });
    }
    alice.socket.emit('create_thread', sized(3_000));
    expect(await alice.next('exception')).toMatchObject({
      request: 'create_thread',
      error: { code: 'message_too_large', details: { maxBytes: 2_000 } },
    });
    await alice.fence();
    await bob.fence();
    expect(await requestCount(server, 'create_thread', 'message_too_large')).toBe(4);
    for (const client of [alice, bob]) client.close();
    await expectNothingLeft(server);
  });

  it('is measured in bytes of the whole request, to the last one', async () => {
    await start({ MAX_MESSAGE_BYTES: '2000' });
    const alice = await server.ready('alice');
    const rest = JSON.stringify(['create_thread', { metadata: { note: '' } }]).length;
    const note = (bytes: number) => ({ metadata: { note: 'ü'.repeat(Math.floor(bytes / 2)) + 'x'.repeat(bytes % 2) } });

    expect(await alice.request('create_thread', note(2_000 - rest))).toMatchObject({ ok: true });
    expect(await alice.request('create_thread', note(2_001 - rest))).toMatchObject({
      error: { code: 'message_too_large', details: { bytes: 2_001 } },
    });
  });

  it.each(['websocket', 'polling'])('beyond four times the size the socket is closed, over %s', async (transport) => {
    await start({ MAX_MESSAGE_BYTES: '2000' });
    const alice = await server.ready('alice', { transports: [transport] });
    const bob = await server.ready('bob');
    alice.socket.emit('create_thread', { title: 'x'.repeat(12_000) });
    await alice.next('disconnect');

    expect(alice.disconnects[0]).toMatch(/^transport (close|error)$/u);
    await bob.fence();
    bob.close();
    await expectNothingLeft(server);
  });

  it('before authentication too', async () => {
    await start({ MAX_MESSAGE_BYTES: '2000' });
    const stranger = server.connect();

    expect(await stranger.request('create_thread', { title: 'x'.repeat(3_000) })).toMatchObject({
      error: { code: 'message_too_large' },
    });
    expect(await stranger.request('authenticate', { token: 'x'.repeat(3_000) })).toMatchObject({
      error: { code: 'message_too_large' },
    });
  });

  it('too fast is refused past the burst; the others are served in their order, and another user too', async () => {
    await start({ RATE_LIMIT_BURST: '10', RATE_LIMIT_MESSAGES_PER_SEC: '1' });
    const alice = await server.ready('alice');
    const answers = await Promise.all(Array.from({ length: 60 }, () => alice.request('ping')));
    const bob = await server.ready('bob');
    await bob.fence();

    expect(answers.slice(0, 10).every(({ ok }) => ok)).toBe(true);
    const refused = answers.filter(({ ok }) => !ok);
    expect(refused.length).toBeGreaterThanOrEqual(40);
    for (const { error } of refused) {
      expect(error).toMatchObject({ code: 'rate_limited', retryable: true, details: { retryAfterMs: 1_000 } });
    }
    expect(await requestCount(server, 'ping', 'rate_limited')).toBe(refused.length);
    expect(alice.disconnects).toEqual([]);
  });

  it('too many attempts to authenticate are refused without a look at the token', async () => {
    await start({ RATE_LIMIT_BURST: '5', RATE_LIMIT_MESSAGES_PER_SEC: '1' });
    const stranger = server.connect();
    const attempt = (client: TestClient) => client.request('authenticate', { token: 'guess' });
    const answers = await Promise.all(Array.from({ length: 50 }, () => attempt(stranger)));
    const looked = answers.filter(({ error }) => error?.code === 'unauthenticated');

    expect(answers.filter(({ error }) => error?.code === 'rate_limited')).toHaveLength(50 - looked.length);
    expect(looked.length).toBeLessThan(15);
  });

  it('requests that are held do not count against the rate', async () => {
    await start({ RATE_LIMIT_BURST: '5', RATE_LIMIT_MESSAGES_PER_SEC: '1' });
    const alice = server.connect();
    const held = Array.from({ length: 50 }, () => alice.request('ping'));
    await alice.ask('authenticate', { token: await server.token('alice') });
    const answers = await Promise.all(held);

    expect(answers.every(({ ok }) => ok)).toBe(true);
  });
});
