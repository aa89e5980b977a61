import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { NoticeBench, type BenchEvent } from '../../testing/notice-bench.js';
import { NoticeDeferred, NoticeRefused } from './offline-notifier.js';

const HOUR_MS = 3_600_000;

describe('The offline notifier', () => {
  let bench: NoticeBench;

  beforeEach(async () => {
    bench = await NoticeBench.open();
  });

  afterEach(() => bench.close());

  const calls = (count: number): Promise<void> => bench.until(() => bench.notifier.told.length >= count);
  const fail = (error: Error = new Error('not now')): void => {
    bench.notifier.script = () => Promise.reject(error);
  };
  /** The call of this number does not come before the time, and comes then. */
  const comesAfter = async (count: number, ms: number): Promise<void> => {
    await bench.turns();
    bench.clock.advance(ms - 1);
    await bench.turns();
    expect(bench.notifier.told).toHaveLength(count - 1);
    bench.clock.advance(1);
    await calls(count);
  };
  const outcomes = (outcome: 'delivered' | 'failed' | 'refused'): Promise<number> =>
    bench.delivery.metrics.value('threadcast_delivery_notifier_calls_total', { outcome });

  it('is called again after 1 s, 2 s, 4 s and so on, at most 5 minutes, always with the same', async () => {
    fail();
    const event = await bench.ended();
    await calls(1);
    let count = 1;
    for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) await comesAfter((count += 1), seconds * 1_000);
    bench.notifier.script = () => Promise.resolve();
    bench.clock.advance(300_000);

    expect(await bench.settled(event)).toBe('notified');
    expect(new Set(bench.notifier.told.map((notice) => JSON.stringify(notice))).size).toBe(1);
    expect(await outcomes('failed')).toBe(count);
    expect(await outcomes('delivered')).toBe(1);
  });

  it('is not called again for what is older than a day when it fails', async () => {
    fail();
    const event = await bench.ended();
    await calls(1);
    while ((await bench.find(event))?.outcome === null) {
      bench.clock.advance(300_000);
      await bench.turns(3);
    }

    expect(await bench.find(event)).toMatchObject({ outcome: 'given_up' });
    const { settledAt, time } = (await bench.find(event))!;
    expect(settledAt! - time).toBeGreaterThanOrEqual(24 * HOUR_MS);
    expect(bench.notifier.told.length).toBeGreaterThan(200);
  });

  it('is called once at least for what is older than a day', async () => {
    await bench.close();
    bench = await NoticeBench.open({}, { ready: false });
    const event = await bench.ended();
    bench.clock.advance(48 * HOUR_MS);
    bench.becomeReady();
    bench.clock.advance(10_000);

    expect(await bench.settled(event)).toBe('notified');
  });

  it('names the time before which it is not called again, an hour at most', async () => {
    fail(new NoticeDeferred('later', 90_000));
    const event = await bench.ended();
    await calls(1);
    fail(new NoticeDeferred('much later', 48 * HOUR_MS));
    await comesAfter(2, 90_000);
    bench.notifier.script = () => Promise.resolve();
    await comesAfter(3, HOUR_MS);
    expect(await bench.settled(event)).toBe('notified');
  });

  it('refuses a notice for ever', async () => {
    fail(new NoticeRefused('never'));
    expect(await bench.settled(await bench.ended())).toBe('refused');
    expect(bench.notifier.told).toHaveLength(1);
    expect(await outcomes('refused')).toBe(1);
  });

  it('that does not answer is told to stop after 10 s, left behind, and called again', async () => {
    let aborted = 0;
    bench.notifier.script = (_notice, signal) =>
      new Promise(() => signal.addEventListener('abort', () => (aborted += 1)));
    const event = await bench.ended();
    await calls(1);
    bench.clock.advance(9_999);
    expect(aborted).toBe(0);
    bench.clock.advance(1);
    expect(aborted).toBe(1);
    bench.notifier.script = () => Promise.resolve();
    await comesAfter(2, 1_000);
    expect(await bench.settled(event)).toBe('notified');
  });

  it('is called for eight notices at once, and for the others in their turn', async () => {
    const release: (() => void)[] = [];
    bench.notifier.script = () => new Promise((resolve) => release.push(resolve));
    const events: BenchEvent[] = [];
    for (let n = 0; n < 10; n += 1) events.push(await bench.ended());
    await calls(8);
    await bench.turns();
    expect(bench.notifier.told).toHaveLength(8);
    release.shift()?.();
    await calls(9);
    await bench.turns();
    expect(bench.notifier.told).toHaveLength(9);
    while (release.length > 0) {
      release.shift()?.();
      await bench.turns(2);
    }
    for (const event of events) expect(await bench.settled(event)).toBe('notified');
  });

  it('is not called for what the user has acknowledged while it failed', async () => {
    fail();
    const event = await bench.ended();
    await calls(1);
    await bench.turns();
    await bench.delivery.threads.acknowledge('alice', event.threadId, event.seq);
    bench.clock.advance(1_000);
    await bench.until(
      async () =>
        (await bench.delivery.metrics.value('threadcast_delivery_notices_total', { outcome: 'acknowledged' })) === 1,
    );

    expect(bench.notifier.told).toHaveLength(1);
    expect(await bench.find(event)).toMatchObject({ outcome: 'acknowledged' });
  });
});
