import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { OfflineNotifier, type OfflineNotice } from '../../src/delivery/index.js';
import { Storage } from '../../src/storage/index.js';
import { TestServer, WebhookReceiver } from '../../src/testing/index.js';
import { WatchedClock } from '../support/watched-clock.js';
import { freeze, isSigned, noticeCount, say, settled, startAway, type AwayOptions } from './away-kit.js';
import { eventually } from './gateway-kit.js';

/** Nothing else waits for so long. */
const RETURN_MS = 12_345;

describe('A user who is not there', () => {
  let receiver: WebhookReceiver;
  let server: TestServer;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
  });

  afterEach(async () => {
    await server.close();
    await receiver.close();
  });

  const start = async (options: AwayOptions = {}): Promise<void> => {
    server = await startAway(receiver, options);
  };
  const left = (): Promise<void> =>
    eventually('all have left', () => server.get(ConnectionRegistry).all().length === 0);
  const inHand = (): Promise<number> => server.metrics.value('threadcast_delivery_notices_in_hand', {});
  const newThread = async (userId = 'alice'): Promise<unknown> => {
    const response = await server.fetch(userId, '/api/threads', { method: 'POST', body: '{}' });
    return ((await response.json()) as { threadId: string }).threadId;
  };

  it('is told by a signed webhook of ids alone, under one key until it was taken, while others are there', async () => {
    await start();
    receiver.reply(500, (response) => response.writeHead(307, { Location: '/elsewhere' }).end());
    const threadId = await newThread();
    await server.fetch('alice', `/api/threads/${String(threadId)}/members/bob`, { method: 'PUT' });
    const bob = await server.ready('bob');
    await bob.ask('subscribe_thread', { threadId });
    const { runId } = await say(server, 'alice', threadId);
    const { seq, time } = await bob.next('agent_completed');
    await settled(server, 'notified');

    const { epoch } = await bob.ask('get_thread_history', { threadId });
    const idempotencyKey = `${String(threadId)}:${String(epoch)}:${String(seq)}`;
    const body = { idempotencyKey, userId: 'alice', threadId, epoch, runId, type: 'agent_completed', seq, time };
    expect(receiver.deliveries).toHaveLength(3);
    for (const delivery of receiver.deliveries) {
      expect(delivery.body).toEqual(body);
      expect(delivery.path).toBe('/hook');
      expect(delivery.headers).toMatchObject({
        'idempotency-key': idempotencyKey,
        'content-type': 'application/json',
      });
      expect(isSigned(delivery, receiver.secret)).toBe(true);
      expect(isSigned(delivery, 'another secret')).toBe(false);
    }
    expect(JSON.stringify(receiver.deliveries)).not.toContain('secret word');
    expect(await server.metrics.value('threadcast_delivery_notifier_calls_total', { outcome: 'failed' })).toBe(2);
    expect(await server.get(Storage).notifications.find(threadId as never, Number(seq))).toMatchObject({
      outcome: 'notified',
    });
  });

  it('is told that a run asks, and that it ended, under different keys', async () => {
    await start();
    const { runId } = await say(server, 'alice', await newThread(), { content: 'x', metadata: { echo: { ask: '?' } } });
    expect((await receiver.delivery(0)).body).toMatchObject({ type: 'input_requested', runId });
    await server.fetch('alice', `/api/runs/${String(runId)}/cancel`, { method: 'POST' });
    expect((await receiver.delivery(1)).body).toMatchObject({ type: 'agent_cancelled', runId });

    await settled(server, 'notified', 2);
    const keys = receiver.deliveries.map(({ body }) => body['idempotencyKey']);
    expect(new Set(keys).size).toBe(2);
  });

  it('but has acknowledged the end before going, is told nothing', async () => {
    await start();
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('user_message', { content: 'x' });
    const { seq } = await alice.next('agent_completed');
    await alice.ask('ack_events', { threadId, seq });
    alice.close();
    await settled(server, 'acknowledged');

    expect(receiver.deliveries).toEqual([]);
  });

  it('but was there for a heartbeat after the end, is told nothing', async () => {
    await start({ gateway: { heartbeatMs: 30 } });
    const alice = await server.ready('alice');
    await alice.ask('user_message', { content: 'x' });
    await alice.next('agent_completed');
    await settled(server, 'received');
    alice.close();
    await left();

    expect(receiver.deliveries).toEqual([]);
  });

  it('and has gone without acknowledging the end is told, once the last connection has gone', async () => {
    await start();
    const [one, two] = [await server.ready('alice'), await server.ready('alice')];
    const { threadId, runId } = await one.ask('user_message', { content: 'x', metadata: { echo: { ask: '?' } } });
    await two.ask('subscribe_thread', { threadId });
    await one.ask('stop_agent', { runId });
    const { seq } = await two.next('agent_cancelled');
    one.close();
    await eventually('one has left', () => server.get(ConnectionRegistry).size === 1);
    await two.fence();
    expect(receiver.deliveries).toEqual([]);
    two.close();

    const told = [(await receiver.delivery(0)).body, (await receiver.delivery(1)).body];
    expect(told).toEqual(expect.arrayContaining([expect.objectContaining({ threadId, runId, seq })]));
    expect(told.map(({ type }) => type).sort()).toEqual(['agent_cancelled', 'input_requested']);
  });

  it('and whose line is dead, which nobody told us, is told once that is found out', async () => {
    await start({ gateway: { heartbeatMs: 100, heartbeatTimeoutMs: 400 } });
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('create_thread', {});
    await alice.ask('subscribe_thread', { threadId });
    const frozen = freeze(alice);
    const { runId } = await say(server, 'alice', threadId);

    expect((await receiver.delivery(0)).body).toMatchObject({ userId: 'alice', runId, type: 'agent_completed' });
    expect(alice.names()).not.toContain('agent_completed');
    await settled(server, 'notified');
    expect(receiver.deliveries).toHaveLength(1);
    expect(await server.metrics.value('threadcast_gateway_closed_total', { reason: 'ping_timeout' })).toBe(1);
    frozen.end();
  });

  it('and whose line, not of this thread, is dead, is told although `thread_activity` was sent there', async () => {
    await start({ gateway: { heartbeatMs: 100, heartbeatTimeoutMs: 400 } });
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('create_thread', {});
    const frozen = freeze(alice);
    const { runId } = await say(server, 'alice', threadId);

    expect((await receiver.delivery(0)).body).toMatchObject({ userId: 'alice', runId, type: 'agent_completed' });
    expect(alice.names()).not.toContain('thread_activity');
    frozen.end();
  });

  it('but comes back in time and reads on at the cursor, is told nothing', async () => {
    const clock = new WatchedClock();
    await start({ clock, gateway: { heartbeatMs: 30 }, delivery: { returnMs: RETURN_MS } });
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('create_thread', {});
    await alice.ask('switch_thread', { threadId });
    const frozen = freeze(alice);
    await say(server, 'alice', threadId);
    await eventually('the notice waits', async () => (await inHand()) === 1);
    frozen.end();
    await clock.timer(RETURN_MS);
    const again = await server.ready('alice', { auth: { threadId, after: 0 } });
    clock.advance(RETURN_MS);
    await settled(server, 'received');

    expect(again.names()).toContain('agent_completed');
    expect(again.names()).not.toContain('thread_activity');
    expect(receiver.deliveries).toEqual([]);
    await clock.during(server.stop());
  });

  it('is told nothing of a thread that was deleted meanwhile', async () => {
    await start();
    receiver.replyAlways(503);
    const threadId = await newThread();
    await say(server, 'alice', threadId);
    await receiver.delivery(0);
    await server.fetch('alice', `/api/threads/${String(threadId)}`, { method: 'DELETE' });
    await settled(server, 'thread_deleted');

    expect(receiver.deliveries).toHaveLength(1);
  });

  it('is told nothing more once removed from the thread', async () => {
    await start();
    receiver.replyAlways(503);
    const threadId = await newThread();
    const member = `/api/threads/${String(threadId)}/members/bob`;
    await server.fetch('alice', member, { method: 'PUT' });
    await say(server, 'bob', threadId);
    expect((await receiver.delivery(0)).body).toMatchObject({ userId: 'bob' });
    await server.fetch('alice', member, { method: 'DELETE' });
    await settled(server, 'no_access');

    expect(receiver.deliveries).toHaveLength(1);
  });

  it('is not told again of what the receiver wants to hear no more', async () => {
    await start();
    receiver.reply(410);
    await say(server, 'alice', await newThread());
    await settled(server, 'refused');

    expect(receiver.deliveries).toHaveLength(1);
    expect(await noticeCount(server, 'notified')).toBe(0);
  });

  it('is told by the next process of what this one still owes, under the same key', async () => {
    await start();
    receiver.replyAlways(503);
    await say(server, 'alice', await newThread());
    const first = await receiver.delivery(0);
    await server.stop();
    const seen = receiver.deliveries.length;
    receiver.replyAlways(204);
    const { dataDir } = server;
    const next = await startAway(receiver, { dataDir, delivery: { returnAfterStartMs: 20 } });
    const again = await receiver.delivery(seen);
    await settled(next, 'notified');
    await next.close();

    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotency-key']).toBe(first.headers['idempotency-key']);
  });

  it('is not told by a process that drains: its connections leave, and the next one sees who comes back', async () => {
    await start({ delivery: { returnMs: 0 } });
    const [alice, bob] = [await server.ready('alice'), await server.ready('bob')];
    const { threadId } = await alice.ask('user_message', { content: 'x' });
    const { seq } = await alice.next('agent_completed');
    // Long enough for somebody to be told, if that were begun.
    const slow = { content: 'word '.repeat(40), metadata: { echo: { delayMs: 10 } } };
    const { runId } = await bob.ask('user_message', slow);
    const drained = server.drain();
    await alice.next('server_draining');
    alice.close();
    await bob.next('agent_completed', (data) => data['runId'] === runId);
    await drained;
    expect(receiver.deliveries).toEqual([]);

    const { dataDir } = server;
    const next = await startAway(receiver, { dataDir, delivery: { returnAfterStartMs: 20 } });
    const told = [await receiver.delivery(0), await receiver.delivery(1)].map(({ body }) => body);
    expect(told).toEqual(expect.arrayContaining([expect.objectContaining({ threadId, seq, userId: 'alice' })]));
    expect(told).toEqual(expect.arrayContaining([expect.objectContaining({ runId, userId: 'bob' })]));
    await next.close();
  });

  it('because the connection takes nothing is told although it is there', async () => {
    await start({ gateway: { slowConsumerBytes: 100 } });
    const alice = await server.ready('alice');
    await say(server, 'alice', await newThread());
    expect((await receiver.delivery(0)).body).toMatchObject({ userId: 'alice' });
    await alice.fence();

    expect(alice.names()).not.toContain('thread_activity');
    expect(await server.metrics.value('threadcast_delivery_activity_total', { outcome: 'full' })).toBe(1);
  });

  it('is told later of what no receiver takes, and the log tells neither its address nor the secret', async () => {
    const said: unknown[] = [];
    const keep = (...words: unknown[]): unknown => said.push(...words);
    const logger = { log: keep, error: keep, warn: keep, debug: keep, verbose: keep };
    await start({ logger });
    const { url, secret } = receiver;
    await receiver.close();
    await say(server, 'alice', await newThread());
    const failed = () => server.metrics.value('threadcast_delivery_notifier_calls_total', { outcome: 'failed' });
    await eventually('a call fails', async () => (await failed()) > 0);
    receiver = await WebhookReceiver.start();

    const text = JSON.stringify(said.map(String));
    expect(text).toContain('it cannot be reached (ECONNREFUSED)');
    for (const hidden of [secret, url, new URL(url).host, '/hook', 'a secret word']) expect(text).not.toContain(hidden);
  });

  it('is told by a class in the place of the webhook', async () => {
    const told: OfflineNotice[] = [];
    class Pager extends OfflineNotifier {
      override notify(notice: OfflineNotice): Promise<void> {
        told.push(notice);
        return told.length === 1 ? Promise.reject(new Error('not now')) : Promise.resolve();
      }
    }
    server = await TestServer.start({ env: receiver.env, replacements: { offlineNotifier: Pager } });
    const threadId = await newThread();
    const { runId } = await say(server, 'alice', threadId);
    await settled(server, 'notified');

    expect(told).toHaveLength(2);
    expect(told[0]).toEqual(told[1]);
    expect(told[0]).toMatchObject({ userId: 'alice', threadId, runId, type: 'agent_completed' });
    expect(receiver.deliveries).toEqual([]);
  });

  it('without a webhook is told by nobody, which is counted, and nothing stays owed', async () => {
    server = await startAway(null);
    const threadId = await newThread();
    await say(server, 'alice', threadId);
    await settled(server, 'unnotified');

    expect(await server.get(Storage).notifications.owed({ after: 0, limit: 10 })).toEqual({ notices: [], next: null });
  });
});
