import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { CommitFeed } from '../threads/index.js';
import { DeliveryBench, type RecordingSink } from '../testing/delivery-bench.js';
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
