import { afterEach, describe, expect, it } from '@jest/globals';

import { NoticeBench } from '../../testing/notice-bench.js';

describe('Whoever is there', () => {
  let bench: NoticeBench;

  afterEach(() => bench.close());

  const deferred = (): Promise<number> =>
    bench.delivery.metrics.value('threadcast_delivery_notices_deferred_total', {});
  const inHand = (): Promise<number> => bench.delivery.metrics.value('threadcast_delivery_notices_in_hand', {});
  const hang = (): void => {
    bench.notifier.script = () => new Promise(() => undefined);
  };

  it('is told at once while the offline notifier hangs for others', async () => {
    bench = await NoticeBench.open({ maxNoticesInHand: 10, maxNotifierCalls: 1 });
    hang();
    for (let n = 0; n < 10; n += 1) {
      await bench.ended(`away ${n}`);
      await bench.turns(5);
    }
    const alice = bench.connect();
    const event = await bench.ended();
    await bench.until(() => alice.told.length === 1);
    alice.ping();
    alice.pong();

    expect(await bench.settled(event)).toBe('told');
    expect(await inHand()).toBe(6);
    expect(await deferred()).toBe(4);
  });

  it('is told of what was owed before, behind more of others than may be in hand', async () => {
    bench = await NoticeBench.open({ maxNoticesInHand: 8, maxNotifierCalls: 1 }, { ready: false });
    hang();
    for (let n = 0; n < 10; n += 1) await bench.ended(`away ${n}`);
    await bench.ended();
    bench.becomeReady();
    const alice = bench.connect();
    bench.clock.advance(5_000);

    await bench.until(() => alice.told.length === 1);
  });

  it('is told by a later sweep, behind more of others than one sweep looks at', async () => {
    const options = { maxNoticesInHand: 8, maxNotifierCalls: 1, noticesPerSweep: 4 };
    bench = await NoticeBench.open(options, { ready: false });
    hang();
    for (let n = 0; n < 10; n += 1) await bench.ended(`away ${n}`);
    const event = await bench.ended();
    bench.becomeReady();
    const alice = bench.connect();
    bench.clock.advance(5_000);
    await bench.turns();
    expect(alice.told).toEqual([]);
    for (let sweeps = 0; sweeps < 2; sweeps += 1) {
      bench.clock.advance(10_000);
      await bench.turns();
    }
    await bench.until(() => alice.told.length === 1);
    alice.ping();
    alice.pong();
    expect(await bench.settled(event)).toBe('told');

    bench.notifier.script = () => Promise.resolve();
    await bench.until(async () => {
      bench.clock.advance(10_000);
      return (await bench.notices.owed({ after: 0, limit: 1 })).notices.length === 0;
    });
  });

  it('is told of more than may be in hand while receipts are awaited', async () => {
    bench = await NoticeBench.open({ maxNoticesInHand: 2 });
    const alice = bench.connect();
    for (let n = 1; n <= 5; n += 1) {
      await bench.ended();
      await bench.until(() => alice.told.length === n);
    }

    expect(await inHand()).toBe(5);
    expect(await deferred()).toBe(0);
  });

  it('is told at once also when too many receipts are awaited, and again when there is room', async () => {
    bench = await NoticeBench.open({ maxReceipts: 1 });
    const alice = bench.connect();
    const first = await bench.ended();
    await bench.until(() => alice.told.length === 1);
    const second = await bench.ended();
    await bench.until(() => alice.told.length === 2);
    await bench.until(async () => (await inHand()) === 1);
    expect(await deferred()).toBe(1);
    bench.clock.advance(30_000);
    await bench.turns();
    expect(alice.told).toHaveLength(2);
    alice.ping();
    alice.pong();
    expect(await bench.settled(first)).toBe('told');
    bench.clock.advance(10_000);
    await bench.until(() => alice.told.length === 3);
    alice.ping();
    alice.pong();

    expect(await bench.settled(second)).toBe('told');
  });

  it('is told in the end, however often the thread was left before the event came there', async () => {
    bench = await NoticeBench.open();
    const alice = bench.connect();
    const run = await bench.run();
    alice.positions.set(run.threadId, 0);
    const seq = await bench.end(run);
    for (let n = 0; n < 4; n += 1) {
      await bench.turns();
      alice.positions.clear();
      alice.ping();
      alice.positions.set(run.threadId, 0);
    }
    await bench.turns();
    alice.positions.clear();
    alice.ping();
    await bench.until(() => alice.told.length === 1);
    alice.ping();
    alice.pong();

    expect(await bench.settled({ threadId: run.threadId, seq })).toBe('told');
    expect(bench.notifier.told).toEqual([]);
  });
});

describe('Who has left just before a run ends', () => {
  let bench: NoticeBench;

  afterEach(() => bench.close());

  it('has the rest of the time to come back', async () => {
    bench = await NoticeBench.open();
    for (const userId of ['alice', 'bob']) bench.connect(userId).leave();
    bench.clock.advance(500);
    const [awaited, missed] = [await bench.ended('alice'), await bench.ended('bob')];
    await bench.turns();
    const alice = bench.connect('alice');
    alice.positions.set(awaited.threadId, awaited.seq);
    bench.clock.advance(1_499);
    await bench.turns();
    expect(bench.notifier.told).toEqual([]);
    bench.clock.advance(1);
    expect(await bench.settled(missed)).toBe('notified');
    await bench.turns();
    alice.ping();
    alice.pong();

    expect(await bench.settled(awaited)).toBe('received');
    expect(bench.notifier.told).toHaveLength(1);
  });

  it('has no more of it two seconds later', async () => {
    bench = await NoticeBench.open();
    bench.connect().leave();
    bench.clock.advance(2_000);

    expect(await bench.settled(await bench.ended())).toBe('notified');
  });
});
