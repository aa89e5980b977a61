import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Notice } from '../../storage/index.js';
import { NoticeBench, type BenchConnection } from '../../testing/notice-bench.js';
import { LocalPresence } from './local-presence.js';
import type { Reach } from './presence.js';

describe('Where a user is', () => {
  let bench: NoticeBench;
  let notice: Notice;
  let one: BenchConnection;
  let two: BenchConnection;

  beforeEach(async () => {
    bench = await NoticeBench.open({}, { ready: false });
    notice = (await bench.find(await bench.ended()))!;
    one = bench.connect();
    two = bench.connect();
    bench.connect('bob');
  });

  afterEach(() => bench.close());

  const reach = (): Promise<Reach> => bench.delivery.app.get(LocalPresence).reach(notice, true);
  const receiptOf = async (reached: Reach): Promise<string> => {
    const open = bench.turns(5).then(() => 'open');
    return Promise.race([reached.receipt ?? 'not watched', open]);
  };

  it('is nowhere without connections', async () => {
    for (const connection of [one, two]) connection.leave();
    const reached = await reach();
    expect(reached.way).toBe('nobody');
    expect(await reached.receipt).toBe('gone');
  });

  it('has left just now, of which so many are remembered', async () => {
    for (const connection of [one, two]) connection.leave();
    bench.clock.advance(300);
    expect(await reach()).toMatchObject({ way: 'nobody', goneForMs: 300 });
    for (let n = 1; n < 10_000; n += 1) bench.connect(`user ${n}`).leave();
    expect(await reach()).toMatchObject({ goneForMs: 300 });
    bench.connect('one too many').leave();
    expect(await reach()).toMatchObject({ goneForMs: null });
  });

  it('is reached without being watched', async () => {
    const reached = await bench.delivery.app.get(LocalPresence).reach(notice, false);
    expect(reached).toMatchObject({ way: 'told', receipt: null });
    expect(one.told).toHaveLength(1);
  });

  it('is at all connections, where none follows', async () => {
    const { threadId, runId, type, seq } = notice;
    expect(await reach()).toMatchObject({ way: 'told' });
    expect([one.told, two.told]).toEqual([[{ threadId, runId, type, seq }], [{ threadId, runId, type, seq }]]);
  });

  it('is where a connection takes something; at none, if none does', async () => {
    one.isFull = true;
    expect(await reach()).toMatchObject({ way: 'told' });
    expect(two.told).toHaveLength(1);
    two.isFull = true;
    expect(await reach()).toMatchObject({ way: 'nobody' });
    expect(await bench.delivery.metrics.value('threadcast_delivery_activity_total', { outcome: 'full' })).toBe(3);
  });

  it('is in the thread where one connection follows, and nobody is told', async () => {
    one.positions.set(notice.threadId, 0);
    expect(await reach()).toMatchObject({ way: 'followed' });
    expect([one.told, two.told]).toEqual([[], []]);
  });

  it('has received what was sent before a heartbeat that is answered, and nothing by an earlier one', async () => {
    one.ping();
    const reached = await reach();
    one.pong();
    expect(await receiptOf(reached)).toBe('open');
    one.ping();
    expect(await receiptOf(reached)).toBe('open');
    one.pong();
    expect(await receiptOf(reached)).toBe('received');
  });

  it('following, has received the event once it was handed over before that heartbeat', async () => {
    one.positions.set(notice.threadId, notice.seq - 1);
    const reached = await reach();
    one.ping();
    one.positions.set(notice.threadId, notice.seq);
    one.pong();
    expect(await receiptOf(reached)).toBe('open');
    one.ping();
    one.pong();
    expect(await receiptOf(reached)).toBe('received');
  });

  it('is shown by any of several connections', async () => {
    const reached = await reach();
    one.leave();
    two.ping();
    two.pong();
    expect(await receiptOf(reached)).toBe('received');
  });

  it('has gone with the last of them', async () => {
    const reached = await reach();
    one.ping();
    one.leave();
    expect(await receiptOf(reached)).toBe('open');
    two.leave();
    expect(await receiptOf(reached)).toBe('gone');
  });

  it('has left the thread, and is there, when the last follower does so', async () => {
    one.positions.set(notice.threadId, 0);
    const reached = await reach();
    one.positions.clear();
    expect(await receiptOf(reached)).toBe('open');
    one.ping();
    expect(await receiptOf(reached)).toBe('unfollowed');
    one.leave();
  });

  it('has gone when the connection that left the thread has gone as well', async () => {
    for (const connection of [one, two]) connection.positions.set(notice.threadId, 0);
    const reached = await reach();
    one.positions.clear();
    one.ping();
    one.leave();
    two.leave();
    expect(await receiptOf(reached)).toBe('gone');
  });
});
