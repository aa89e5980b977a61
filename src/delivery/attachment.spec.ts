import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import { DeliveryBench, type RecordingSink } from '../testing/delivery-bench.js';
import { checkContiguous } from '../testing/streams.js';
import type { Follower } from './follower.js';

let bench: DeliveryBench;
let follower: Follower;
let sink: RecordingSink;
let threadId: ThreadId;

beforeEach(async () => {
  bench = await DeliveryBench.open();
  ({ follower, sink } = bench.reader());
  threadId = await bench.thread();
  await bench.append(threadId, 3);
});

afterEach(async () => {
  follower.close();
  await bench.close();
});

const state = (): string | undefined => [...follower.followings][0]?.attachment.state;
const healed = (kind: string): Promise<number> => bench.metrics.value('threadcast_delivery_healed_total', { kind });

async function follow(after?: number): Promise<void> {
  const following = await follower.prepare(threadId, 'subscribed', { after });
  expect(following.commit()).toBe(true);
  following.start();
}

describe('An attachment', () => {
  it('replays, says caught up, and is live', async () => {
    await follow(1);
    await sink.sees('caught up 3');
    await bench.append(threadId, 2);

    expect(sink.seen).toEqual([2, 3, 'caught up 3', 4, 5]);
    expect(state()).toBe('live');
  });

  it('says nothing before it is started, and loses nothing of that time', async () => {
    const following = await follower.prepare(threadId, 'active');
    await bench.append(threadId, 2);
    expect(sink.seen).toEqual([]);
    following.commit();
    await bench.append(threadId, 1);
    expect(sink.seen).toEqual([]);
    following.start();
    await sink.sees('caught up 6');

    expect(sink.seen).toEqual([4, 5, 6, 'caught up 6']);
  });

  it.each(['before', 'after'] as const)('meets a commit during its read (%s) without a gap', async (where) => {
    const read = bench.storage.holdNext('events.read', where);
    await follow(0);
    await read.reached;
    await bench.append(threadId, 2);
    read.release();
    await sink.sees('caught up 5');
    await bench.append(threadId, 1);

    expect(sink.seen).toEqual([1, 2, 3, 4, 5, 'caught up 5', 6]);
    expect(await healed('hole')).toBe(0);
  });

  it('that was closed during its read sends nothing of it', async () => {
    const read = bench.storage.holdNext('events.read', 'after');
    await follow(0);
    await read.reached;
    follower.release(threadId);
    read.release();
    await bench.append(threadId, 1);

    expect(sink.seen).toEqual([]);
    expect(bench.channels.size).toBe(0);
  });

  it('reads again later what could not be read', async () => {
    let failures = 2;
    bench.storage.before('events.read', async () => {
      if (failures > 0) throw new ThreadcastError('storage_unavailable');
    });
    await follow(0);
    while (failures > 0) {
      failures -= 1;
      await bench.append(threadId, 1);
      expect(state()).toBe('replaying');
      bench.clock.advance(250);
    }
    await sink.sees('caught up 5');

    checkContiguous(sink.events);
  });

  it('leaves live delivery for a sink that is full, and reads on when that has drained', async () => {
    await follow();
    sink.full = true;
    await bench.append(threadId, 4);
    expect([sink.seen, state()]).toEqual([['caught up 3'], 'behind']);
    sink.drain();
    await sink.sees('caught up 7');
    await bench.append(threadId, 1);

    expect(sink.seen).toEqual(['caught up 3', 4, 5, 6, 7, 'caught up 7', 8]);
    expect(await bench.metrics.value('threadcast_delivery_behind_total', {})).toBe(1);
  });

  it('takes of a commit that is larger than the room what fits, and the rest from the log', async () => {
    await follow();
    sink.room = 700;
    await bench.append(threadId, 6);
    const live = [...sink.seen];
    expect(state()).toBe('behind');
    sink.drain();
    await sink.sees('caught up 9');

    expect(live.length).toBeGreaterThan(1);
    expect(live.length).toBeLessThan(7);
    checkContiguous(sink.events, 3);
  });

  it('takes an event that is larger than all the room, when nothing is unsent', async () => {
    await follow();
    sink.room = 1;
    await bench.append(threadId, 1);

    expect(sink.seen).toEqual(['caught up 3', 4]);
    expect([state(), await bench.metrics.value('threadcast_delivery_behind_total', {})]).toEqual(['live', 0]);
  });

  it('that falls behind again while it reads on still loses nothing', async () => {
    await follow();
    for (let round = 0; round < 3; round += 1) {
      sink.full = true;
      await bench.append(threadId, 2);
      const read = bench.storage.holdNext('events.read', 'after');
      sink.drain();
      await read.reached;
      sink.full = true;
      await bench.append(threadId, 2);
      read.release();
      sink.drain();
      await sink.sees(`caught up ${7 + round * 4}`);
    }

    checkContiguous(sink.events, 3);
  });

  it('detaches in the midst of a page where access ends, and keeps what came before', async () => {
    const bob = bench.reader('bob');
    await bench.threads.share('alice', threadId, 'bob');
    const following = await bob.follower.prepare(threadId, 'active', { after: 0 });
    await bench.append(threadId, 1);
    await bench.threads.unshare('alice', threadId, 'bob');
    await bench.append(threadId, 1);
    following.commit();
    following.start();
    await bob.sink.sees('detached access_removed');

    expect(bob.sink.seen).toEqual([1, 2, 3, 4, 5, 'detached access_removed']);
    expect(bob.follower.activeThreadId).toBeNull();
  });

  it('is counted by its state, and not any more when it has ended', async () => {
    const count = (name: string): Promise<number> =>
      bench.metrics.value('threadcast_delivery_attachments', { state: name });
    await follow();
    expect(await count('live')).toBe(1);
    follower.close();

    for (const name of ['placed', 'replaying', 'live', 'behind', 'closed']) expect(await count(name)).toBe(0);
  });
});

describe('A channel', () => {
  it('tells those below of a commit whose head somebody has read before', async () => {
    await follow();
    const commit = bench.storage.holdNext('transact', 'after');
    const appended = bench.append(threadId, 1);
    await commit.reached;
    const other = bench.reader();
    const following = await other.follower.prepare(threadId, 'active');
    following.commit();
    following.start();
    expect(other.sink.seen).toEqual(['caught up 4']);
    commit.release();
    await appended;
    await bench.append(threadId, 1);

    expect(sink.seen).toEqual(['caught up 3', 4, 5]);
    expect(other.sink.seen).toEqual(['caught up 4', 5]);
    expect(await healed('hole')).toBe(0);
  });

  it('lives as long as somebody reads along', async () => {
    await follow();
    const other = bench.reader();
    (await other.follower.prepare(threadId, 'active')).commit();
    expect(bench.channels.size).toBe(1);
    follower.close();
    expect(bench.channels.size).toBe(1);
    other.follower.close();
    expect(bench.channels.size).toBe(0);
  });

  it('of a deleted thread takes nobody, and the thread made again has another one', async () => {
    await follow();
    const channel = bench.channels.of(threadId);
    await bench.threads.remove('alice', threadId);
    expect(channel.ended).toBe(true);
    expect(sink.seen.at(-1)).toBe('detached deleted');
    await bench.threads.create('alice', { threadId });
    await follow(0);
    await bench.append(threadId, 2);

    expect(bench.channels.of(threadId)).not.toBe(channel);
    expect(sink.seen.slice(-3)).toEqual(['caught up 0', 1, 2]);
  });
});
