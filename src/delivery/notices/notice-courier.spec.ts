import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../../errors/index.js';
import { NoticeBench } from '../../testing/notice-bench.js';
import type { OfflineNotice } from './offline-notifier.js';

const DAY_MS = 86_400_000;

describe('A notice', () => {
  let bench: NoticeBench;

  beforeEach(async () => {
    bench = await NoticeBench.open();
  });

  afterEach(() => bench.close());

  const told = (): readonly OfflineNotice[] => bench.notifier.told;
  const reopen = async (...args: Parameters<typeof NoticeBench.open>): Promise<void> => {
    await bench.close();
    bench = await NoticeBench.open(...args);
  };
  const inHand = (): Promise<number> => bench.delivery.metrics.value('threadcast_delivery_notices_in_hand', {});
  const storageFails = (): Promise<never> => Promise.reject(new ThreadcastError('storage_unavailable'));

  it('is brought at once while the process serves', async () => {
    expect(await bench.settled(await bench.ended())).toBe('notified');
    await bench.until(async () => (await inHand()) === 0);
  });

  it('from before the process served waits for connections to come back', async () => {
    await reopen({ returnAfterStartMs: 5_000 }, { ready: false });
    const [awaited, missed] = [await bench.ended('alice'), await bench.ended('bob')];
    bench.clock.advance(12_000);
    bench.becomeReady();
    bench.clock.advance(4_999);
    await bench.turns();
    expect(told()).toEqual([]);
    const alice = bench.connect('alice');
    alice.positions.set(awaited.threadId, awaited.seq);
    bench.clock.advance(1);
    expect(await bench.settled(missed)).toBe('notified');
    alice.ping();
    alice.pong();

    expect(await bench.settled(awaited)).toBe('received');
    expect(told()).toHaveLength(1);
  });

  it('waits as long as the process is starting', async () => {
    await reopen({}, { ready: false });
    const event = await bench.ended();
    bench.clock.advance(60_000);
    await bench.turns();
    expect(told()).toEqual([]);
    bench.becomeReady();
    bench.clock.advance(10_000);
    expect(await bench.settled(event)).toBe('notified');
  });

  it('one too many waits in the storage, and is taken up when there is room', async () => {
    await reopen({ maxNoticesInHand: 2 });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    bench.notifier.script = () => held;
    const events = [await bench.ended(), await bench.ended(), await bench.ended()];
    await bench.until(() => told().length === 2);
    bench.clock.advance(10_000 - 1);
    await bench.turns();
    expect(told()).toHaveLength(2);
    expect(await inHand()).toBe(2);
    expect(await bench.delivery.metrics.value('threadcast_delivery_notices_deferred_total', {})).toBe(1);
    release();
    for (const event of events.slice(0, 2)) expect(await bench.settled(event)).toBe('notified');
    bench.clock.advance(30_000);

    expect(await bench.settled(events[2]!)).toBe('notified');
    expect(new Set(told().map(({ idempotencyKey }) => idempotencyKey)).size).toBe(3);
  });

  it('of somebody who is there does not wait because the offline notifier fails for others', async () => {
    await reopen({ maxNoticesInHand: 4 });
    bench.notifier.script = () => Promise.reject(new Error('not now'));
    const events = [];
    for (let n = 0; n < 6; n += 1) {
      events.push(await bench.ended(`away ${n}`));
      await bench.until(() => told().length === n + 1);
      await bench.turns();
    }
    expect(await inHand()).toBe(2);
    const alice = bench.connect();
    const event = await bench.ended();
    await bench.until(() => alice.told.length === 1);
    alice.ping();
    alice.pong();
    expect(await bench.settled(event)).toBe('told');

    bench.notifier.script = () => Promise.resolve();
    for (const one of events) {
      await bench.until(async () => {
        bench.clock.advance(1_000);
        return (await bench.find(one))?.outcome === 'notified';
      });
    }
    expect(new Set(told().map(({ userId }) => userId)).size).toBe(6);
  });

  it('is taken up again when the storage could not be read', async () => {
    const run = await bench.run();
    bench.delivery.storage.before('notifications.find', storageFails);
    const event = { threadId: run.threadId, seq: await bench.end(run) };
    await bench.until(
      async () => (await bench.delivery.metrics.value('threadcast_delivery_notice_failures_total', {})) === 1,
    );
    bench.delivery.storage.before('notifications.find', null);
    expect(told()).toEqual([]);
    bench.clock.advance(30_000);
    expect(await bench.settled(event)).toBe('notified');
  });

  it('that was told but cannot be settled yet is not told again', async () => {
    const run = await bench.run();
    bench.notifier.script = () => {
      bench.delivery.storage.before('transact', storageFails);
      return Promise.resolve();
    };
    const event = { threadId: run.threadId, seq: await bench.end(run) };
    await bench.until(() => told().length === 1);
    for (let n = 0; n < 20; n += 1) {
      await bench.turns(3);
      bench.clock.advance(10_000);
    }
    bench.delivery.storage.before('transact', null);
    bench.clock.advance(300_000);

    expect(await bench.settled(event)).toBe('notified');
    expect(told()).toHaveLength(1);
  });

  it('is let lie when the process drains, and stays owed', async () => {
    const alice = bench.connect();
    const event = await bench.ended();
    await bench.until(() => alice.told.length === 1);
    bench.courier.rest();
    alice.leave();
    await bench.until(async () => (await inHand()) === 0);
    bench.clock.advance(60_000);
    const later = await bench.ended();
    await bench.turns();

    expect(told()).toEqual([]);
    for (const one of [event, later]) expect(await bench.find(one)).toMatchObject({ outcome: null });
  });

  it('is told to the offline notifier after its user’s connections have come and gone three times', async () => {
    const event = await bench.ended('bob');
    expect(await bench.settled(event)).toBe('notified');
    let alice = bench.connect();
    const run = await bench.run();
    alice.positions.set(run.threadId, 0);
    const seq = await bench.end(run);
    for (let losses = 0; losses < 3; losses += 1) {
      await bench.turns();
      expect(told()).toHaveLength(1);
      alice.leave();
      await bench.turns();
      alice = bench.connect();
      alice.positions.set(run.threadId, 0);
      bench.clock.advance(2_000);
    }

    expect(await bench.settled({ threadId: run.threadId, seq })).toBe('notified');
    expect(told()).toHaveLength(2);
    expect(alice.told).toEqual([]);
  });

  it('of a follower that has gone goes to the offline notifier, and to the user’s other connections', async () => {
    const [follower, other] = [bench.connect(), bench.connect()];
    const run = await bench.run();
    follower.positions.set(run.threadId, 0);
    const seq = await bench.end(run);
    await bench.turns();
    expect(other.told).toEqual([]);
    follower.leave();
    await bench.turns();
    bench.clock.advance(2_000);

    expect(await bench.settled({ threadId: run.threadId, seq })).toBe('notified');
    expect(other.told).toMatchObject([{ threadId: run.threadId, seq }]);
  });

  it('can be looked up by its user for a day after it was settled, and then is forgotten', async () => {
    const event = await bench.ended();
    await bench.settled(event);
    const { threadId, seq } = event;
    expect(await bench.notices.find(threadId, seq, 'alice')).toMatchObject({ outcome: 'notified' });
    expect(await bench.notices.find(threadId, seq, 'bob')).toBeNull();
    bench.clock.advance(DAY_MS);
    await bench.turns();
    expect(await bench.notices.find(threadId, seq, 'alice')).toMatchObject({ outcome: 'notified' });
    bench.clock.advance(1_200_000);
    await bench.until(async () => (await bench.find(event)) === null);
  });
});
