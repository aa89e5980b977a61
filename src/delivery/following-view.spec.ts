import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../ids/index.js';
import { DeliveryBench, type RecordingSink } from '../testing/delivery-bench.js';
import type { Follower } from './follower.js';
import { FollowingHistory } from './following-history.js';
import type { FollowingView } from './following-view.js';

let bench: DeliveryBench;
let follower: Follower;
let sink: RecordingSink;
let threadId: ThreadId;

beforeEach(async () => {
  bench = await DeliveryBench.open();
  ({ follower, sink } = bench.reader('bob'));
  threadId = await bench.thread();
  await bench.threads.share('alice', threadId, 'bob');
  await bench.append(threadId, 2);
});

afterEach(async () => {
  follower.close();
  await bench.close();
});

async function follow(after?: number): Promise<void> {
  const following = await follower.prepare(threadId, 'subscribed', { after });
  expect(following.commit()).toBe(true);
  following.start();
}

const view = (): FollowingView => [...follower.followings][0]!.attachment.view();
const ended = (): readonly FollowingView[] => bench.app.get(FollowingHistory).ofThread(threadId).followings;

describe('What is told of a following', () => {
  it('is where it began and by whom, how far it is, and since when', async () => {
    const openedAt = bench.clock.now();
    await follow(1);
    bench.clock.advance(10);
    await sink.sees('caught up 3');

    expect(view()).toMatchObject({
      ...{ threadId, userId: 'bob', connectionId: 'recording', state: 'live', openedAt, from: 1, resumed: true },
      ...{ position: 3, closedAt: null, closedBy: null },
    });
    await follow(3);
    expect(view()).toMatchObject({ from: 3, resumed: true });
    follower.release(threadId);
    await follow();
    expect(view()).toMatchObject({ from: 3, resumed: false });
  });

  it('is flushed through what had left when more was handed over, and through all once that has left', async () => {
    await follow(3);
    expect(view()).toMatchObject({ position: 3, flushedThrough: 3 });
    await bench.append(threadId);
    expect(view()).toMatchObject({ position: 4, flushedThrough: 3 });
    sink.flushedBytes = sink.handedOverBytes;
    await bench.append(threadId);
    expect(view()).toMatchObject({ position: 5, flushedThrough: 4 });
    await bench.append(threadId);
    expect(view()).toMatchObject({ position: 6, flushedThrough: 4 });
    sink.flushedBytes = sink.handedOverBytes;
    sink.flushedAt = bench.clock.now();

    expect(view()).toMatchObject({ position: 6, flushedThrough: 6, flushedAt: bench.clock.now() });
  });

  it('has what its client acknowledged last, and when', async () => {
    await follow(0);
    await sink.sees('caught up 3');
    expect(view()).toMatchObject({ acknowledged: null, acknowledgedAt: null });
    const [{ attachment } = { attachment: undefined }] = follower.followings;
    attachment?.acknowledge(2);
    const acknowledgedAt = bench.clock.now();
    bench.clock.advance(5);
    attachment?.acknowledge(1);

    expect(view()).toMatchObject({ acknowledged: 2, acknowledgedAt });
  });

  it('stops before the event that takes the access away, and is remembered as it ended', async () => {
    await follow(0);
    await sink.sees('caught up 3');
    bench.clock.advance(5);
    await bench.threads.unshare('alice', threadId, 'bob');
    await sink.sees('detached access_removed');
    await bench.append(threadId);

    const closedAt = bench.clock.now();
    expect(ended()).toMatchObject([
      { state: 'closed', stateSince: closedAt, closedAt, closedBy: 'access_removed', from: 0, position: 3 },
    ]);
  });

  it('is not remembered of what never began to send', async () => {
    const aborted = await follower.prepare(threadId, 'active');
    aborted.abort();
    (await follower.prepare(threadId, 'active')).commit();
    follower.close();

    expect(ended()).toEqual([]);
  });
});
