import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../ids/index.js';
import { DeliveryBench, RecordingSink } from '../testing/delivery-bench.js';
import { DeliveryViews } from './delivery-views.js';
import type { Follower } from './follower.js';

let bench: DeliveryBench;
let threadId: ThreadId;
let views: DeliveryViews;
let followers: Follower[];
/** Connections whose following was looked at in full. */
let looked: string[];

class WatchedSink extends RecordingSink {
  constructor(override connectionId: string) {
    super('alice');
    Object.defineProperty(this, 'flushedAt', { get: () => looked.push(connectionId) });
  }
}

beforeEach(async () => {
  bench = await DeliveryBench.open();
  views = bench.app.get(DeliveryViews);
  threadId = await bench.thread();
  [followers, looked] = [[], []];
});

afterEach(async () => {
  for (const follower of followers) follower.close();
  await bench.close();
});

async function follow(connectionId: string): Promise<WatchedSink> {
  const sink = new WatchedSink(connectionId);
  const follower = bench.follower(sink);
  followers.push(follower);
  const following = await follower.prepare(threadId, 'subscribed', { after: 0 });
  following.commit();
  following.start();
  await sink.sees('caught up 0');
  return sink;
}

describe('The views of delivery', () => {
  it('show those behind, the longest first, and build what they show alone', async () => {
    const sinks = [await follow('c'), await follow('b'), await follow('a')];
    await follow('live');
    for (const sink of sinks) {
      bench.clock.advance(10);
      sink.full = true;
      await bench.append(threadId);
    }
    looked = [];
    const { followings, total } = views.behind(2);

    expect(followings.map(({ connectionId }) => connectionId)).toEqual(['c', 'b']);
    expect(total).toBe(3);
    expect(looked).toEqual(['c', 'b']);
  });

  it('show a page of followers by connection, and build that page alone', async () => {
    for (const name of ['d', 'b', 'a', 'c']) await follow(name);
    looked = [];
    const { followers: page } = views.followers(threadId, { after: 'a', limit: 2 });

    expect(page.map(({ connectionId }) => connectionId)).toEqual(['b', 'c']);
    expect(looked).toEqual(['b', 'c']);
  });
});
