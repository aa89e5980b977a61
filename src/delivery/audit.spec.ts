import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../ids/index.js';
import { CommitFeed } from '../threads/index.js';
import { DeliveryBench, type RecordingSink } from '../testing/delivery-bench.js';
import { DeliveryLag } from './delivery-lag.js';
import type { Follower } from './follower.js';

/** Tells of nothing: all that arrives, the audit has found. */
class SilentFeed extends CommitFeed {
  override publishCommitted(): void {
    return;
  }
}

let bench: DeliveryBench;
let follower: Follower;
let sink: RecordingSink;

beforeEach(async () => {
  bench = await DeliveryBench.open((builder) => builder.overrideProvider(CommitFeed).useClass(SilentFeed));
  ({ follower, sink } = bench.reader());
});

afterEach(async () => {
  follower.close();
  await bench.close();
});

/** A round of the audit, and the next one begun: what the first has found is known. */
async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round += 1) {
    const asked = bench.storage.holdNext('events.heads', 'after');
    bench.clock.advance(800);
    await asked.reached;
    asked.release();
    await new Promise<void>((resolve) => bench.clock.soon(resolve));
  }
}

describe('The lag of delivery', () => {
  let threadId: ThreadId;
  const lag = () => bench.app.get(DeliveryLag).lag();

  async function follow(reader = follower): Promise<void> {
    const following = await reader.prepare(threadId, 'subscribed', { after: 0 });
    following.commit();
    following.start();
  }

  beforeEach(async () => {
    threadId = await bench.thread();
  });

  it('is that of readers who stand still for no reason of their own, until they have what they lack', async () => {
    await follow();
    await sink.sees('caught up 0');
    const read = bench.storage.holdNext('events.read');
    await bench.append(threadId, 3);
    const appendedAt = bench.clock.now();
    await rounds(2);
    await read.reached;
    expect(lag()).toBeNull();

    await rounds(2);
    expect(lag()).toEqual({ threads: 1, followings: 1, events: 3, since: appendedAt + 800 });
    expect(await bench.metrics.value('threadcast_delivery_lagging_followings', {})).toBe(1);
    expect(await bench.metrics.value('threadcast_delivery_lag_seconds', {})).toBe(2.4);
    read.release();
    await sink.sees('caught up 3');
    expect(lag()).toBeNull();
    expect(await bench.metrics.value('threadcast_delivery_lag_seconds', {})).toBe(0);
  });

  it('is not that of a reader whose sink is full', async () => {
    sink.full = true;
    await bench.append(threadId, 3);
    await follow();
    await rounds(6);
    expect([[...follower.followings][0]?.attachment.state, lag()]).toEqual(['replaying', null]);
  });

  it('is not that of a reader who has left', async () => {
    await bench.append(threadId, 3);
    const read = bench.storage.holdNext('events.read');
    await follow();
    await rounds(4);
    expect(lag()).toMatchObject({ events: 3 });
    follower.close();
    expect(lag()).toBeNull();
    read.release();
  });
});

describe('The audit', () => {
  it('goes on when a query is never answered', async () => {
    const threadId = await bench.thread();
    const following = await follower.prepare(threadId, 'subscribed', { after: 0 });
    following.commit();
    following.start();
    await sink.sees('caught up 0');
    const query = bench.storage.holdNext('events.heads');
    bench.clock.advance(800);
    await query.reached;
    await bench.append(threadId);
    for (let round = 0; round < 200 && !sink.seen.includes(1); round += 1) {
      bench.clock.advance(800);
      await new Promise<void>((resolve) => bench.clock.soon(resolve));
    }
    query.release();

    expect(sink.seen).toContain(1);
  });
});
