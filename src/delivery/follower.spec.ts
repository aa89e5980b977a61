import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import { DeliveryBench, type RecordingSink } from '../testing/delivery-bench.js';
import type { Follower, Hold, Position } from './follower.js';

let bench: DeliveryBench;
let follower: Follower;
let sink: RecordingSink;
let one: ThreadId;
let two: ThreadId;

beforeEach(async () => {
  bench = await DeliveryBench.open();
  ({ follower, sink } = bench.reader('alice', 2));
  one = await bench.thread();
  two = await bench.thread();
});

afterEach(async () => {
  follower.close();
  await bench.close();
});

async function follow(threadId: ThreadId, hold: Hold, position?: Position): Promise<void> {
  const following = await follower.prepare(threadId, hold, position);
  expect(following.commit()).toBe(true);
  following.start();
}

const followed = (): ThreadId[] => [...follower.followings].map(({ threadId }) => threadId);

describe('A follower', () => {
  it('has one active thread; what is active alone is left for the next one', async () => {
    await follow(one, 'active');
    await follow(two, 'active');

    expect(follower.activeThreadId).toBe(two);
    expect(followed()).toEqual([two]);
    expect(bench.channels.size).toBe(1);
  });

  it('keeps what is subscribed, and gives up both holds at once', async () => {
    await follow(one, 'subscribed');
    await follow(one, 'active');
    await follow(two, 'active');
    expect(followed()).toEqual([one, two]);
    await follow(one, 'active');
    follower.release(one);

    expect(followed()).toEqual([]);
    expect(follower.activeThreadId).toBeNull();
  });

  it('has changed nothing while a change is prepared, and nothing after one is aborted', async () => {
    await follow(one, 'active');
    const prepared = await follower.prepare(two, 'active');
    expect(prepared.previousThreadId).toBe(one);
    expect(follower.activeThreadId).toBe(one);
    await bench.append(one, 1);
    expect(sink.seen).toEqual(['caught up 0', 1]);
    prepared.abort();
    prepared.abort();

    expect(prepared.commit()).toBe(false);
    expect(followed()).toEqual([one]);
    expect(bench.channels.size).toBe(1);
  });

  it.each([
    ['a thread of somebody else', { thread: 'foreign' }, 'thread_not_found'],
    ['a cursor beyond the head', { after: 1 }, 'cursor_invalid'],
    ['another epoch', { after: 0, epoch: 'another' }, 'cursor_invalid'],
    ['another epoch alone', { epoch: 'another' }, 'cursor_invalid'],
  ])('refuses %s and leaves no trace', async (_what, { thread, ...position }: Position & { thread?: string }, code) => {
    const foreign = await bench.thread('bob');
    await follow(one, 'active');
    const refused = follower.prepare(thread === 'foreign' ? foreign : two, 'active', position);
    await expect(refused).rejects.toMatchObject({ code });

    expect(followed()).toEqual([one]);
    expect(bench.channels.size).toBe(1);
  });

  it('passes on a storage that fails, and leaves no trace', async () => {
    bench.storage.before('threads.access', async () => {
      throw new ThreadcastError('storage_unavailable');
    });
    await expect(follower.prepare(one, 'active')).rejects.toMatchObject({ code: 'storage_unavailable' });

    expect(bench.channels.size).toBe(0);
  });

  it('follows so many threads and no more', async () => {
    const three = await bench.thread();
    await follow(one, 'active');
    await follow(two, 'subscribed');
    await expect(follower.prepare(three, 'subscribed')).rejects.toMatchObject({ code: 'too_many_threads' });
    await follow(three, 'active');

    expect(new Set(followed())).toEqual(new Set([two, three]));
  });

  it('begins anew with a position, and only says where it stands without one', async () => {
    await bench.append(one, 2);
    await follow(one, 'active', { after: 0 });
    await sink.sees('caught up 2');
    await follow(one, 'subscribed');
    await follow(one, 'subscribed', { after: 1 });
    await bench.append(one, 1);
    await sink.sees(3);

    expect(sink.seen).toEqual([1, 2, 'caught up 2', 'caught up 2', 2, 'caught up 2', 3]);
  });

  it('cannot commit what was prepared for a thread that has gone meanwhile', async () => {
    await follow(one, 'active');
    const prepared = await follower.prepare(two, 'active');
    await bench.threads.remove('alice', two);
    expect(prepared.commit()).toBe(false);

    expect(follower.activeThreadId).toBe(one);
  });

  it.each([
    ['that is new', false],
    ['that was there', true],
  ])('tells the end of a following %s after the change, and nothing of it beside that', async (_what, before) => {
    if (before) await follow(one, 'subscribed');
    const seen = sink.seen.length;
    const prepared = await follower.prepare(one, 'active');
    expect(prepared.commit()).toBe(true);
    await bench.threads.remove('alice', one);
    expect(sink.seen.slice(seen)).toEqual([]);
    expect(followed()).toEqual([]);
    prepared.start();

    expect(sink.seen.slice(seen)).toEqual(['detached deleted']);
  });

  it('tells the end of a following at once where nothing was to be said of the change', async () => {
    await follow(one, 'active');
    const seen = sink.seen.length;
    const prepared = await follower.prepare(one, 'active');
    prepared.commit();
    prepared.goOn();
    await bench.threads.remove('alice', one);

    expect(sink.seen.slice(seen)).toEqual(['detached deleted']);
  });

  it('says nothing more of a following that ended while its client was going', async () => {
    const prepared = await follower.prepare(one, 'active');
    prepared.commit();
    follower.close();
    await bench.threads.remove('alice', one);
    prepared.start();

    expect(sink.seen).toEqual([]);
  });

  it('cannot commit once it is closed, and leaves nothing', async () => {
    const prepared = await follower.prepare(one, 'active');
    follower.close();
    expect(prepared.commit()).toBe(false);
    await bench.append(one, 1);

    expect(sink.seen).toEqual([]);
    expect(bench.channels.size).toBe(0);
  });

  it('has its place in a thread before that is made, and gets its first event', async () => {
    const three = 'thread_three' as ThreadId;
    const prepared = follower.prepareNew(three, 'active', 'epoch');
    bench.clock.advance(800);
    await bench.append(one, 1);
    bench.clock.advance(800);
    await bench.make(three, 'epoch');
    await bench.append(three, 2);
    expect(sink.seen).toEqual([]);
    prepared.commit();
    prepared.start();
    await sink.sees('caught up 2');
    await bench.append(three, 1);

    expect(sink.seen).toEqual([1, 2, 'caught up 2', 3]);
  });

  it('gives up its place in a thread that was not made after all', async () => {
    follower.prepareNew('thread_three' as ThreadId, 'active', 'epoch').abort();

    expect(bench.channels.size).toBe(0);
  });
});
