import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { SystemClock } from '../clock/index.js';
import type { ThreadId } from '../ids/index.js';
import { DeliveryBench, RecordingSink } from '../testing/delivery-bench.js';
import { checkContiguous } from '../testing/streams.js';
import { AppendPipeline, EventFactory } from '../threads/index.js';
import type { Follower } from './follower.js';
import type { Frames } from './frames.js';
import { LogPages, PageBounds } from './log-pages.js';

const EVENTS = 1_300;
/** 512, 1 024 and the head. */
const PAGES = 3;
const MAX_BYTES = 1_000_000;
const KEPT_MS = 1_000;

let bench: DeliveryBench;
let threadId: ThreadId;
let followers: Follower[];

beforeEach(async () => {
  const bounds = Object.assign(new PageBounds(), { keptMs: KEPT_MS, maxBytes: MAX_BYTES });
  bench = await DeliveryBench.open((builder) => builder.overrideProvider(PageBounds).useValue(bounds));
  followers = [];
  threadId = await bench.thread();
  await bench.threads.share('alice', threadId, 'bob');
});

afterEach(async () => {
  for (const follower of followers) follower.close();
  await bench.close();
});

/** Also notes how much is kept each time that it is handed something. */
class Reader extends RecordingSink {
  readonly kept: number[] = [];

  override deliver(frames: Frames): void {
    this.kept.push(kept());
    super.deliver(frames);
  }

  get seqs(): number[] {
    return this.seen.filter((seen) => typeof seen === 'number');
  }
}

/** Up to this seq, sharing included. */
async function fill(head: number, text = ''): Promise<void> {
  const [pipeline, factory] = [bench.app.get(AppendPipeline), bench.app.get(EventFactory)];
  const from = (await bench.storage.events.head(threadId))?.head ?? 0;
  const events = Array.from({ length: head - from }, (_, index) =>
    factory.make({ type: 'custom', data: { name: text, value: from + index + 1 } }),
  );
  await pipeline.append(threadId, events);
}

async function follow(userId: string, after: number, sink = new Reader(userId)): Promise<Reader> {
  const follower = bench.follower(sink);
  followers.push(follower);
  const following = await follower.prepare(threadId, 'active', { after });
  following.commit();
  following.start();
  return sink;
}

function countReads(): () => number {
  let reads = 0;
  bench.storage.before('events.read', () => {
    reads += 1;
    return Promise.resolve();
  });
  return () => reads;
}

const kept = (): number => bench.app.get(LogPages).keptBytes;
const seqs = (after: number, head: number): number[] => Array.from({ length: head - after }, (_, n) => after + 1 + n);
const pages = (source: 'log' | 'shared'): Promise<number> =>
  bench.metrics.value('threadcast_delivery_pages_total', { source });

describe('Readers of one log at the same time', () => {
  it('read it once for all, whoever they are, and each is given all of it', async () => {
    await fill(EVENTS);
    const reads = countReads();
    const readers = await Promise.all(['alice', 'bob', 'alice', 'bob'].map((userId) => follow(userId, 0)));
    await Promise.all(readers.map((reader) => reader.sees(`caught up ${EVENTS}`)));

    for (const reader of readers) {
      checkContiguous(reader.events);
      expect(reader.seen).toEqual([...seqs(0, EVENTS), `caught up ${EVENTS}`]);
    }
    expect(reads()).toBe(PAGES);
    expect(await pages('log')).toBe(PAGES);
    expect(await pages('shared')).toBe(3 * PAGES);
  });

  it('meet on the same pages, wherever they have begun', async () => {
    await fill(EVENTS);
    const reads = countReads();
    const read = bench.storage.holdNext('events.read', 'after');
    const early = await follow('alice', 0);
    await read.reached;
    const late = await follow('bob', 700);
    await late.sees(`caught up ${EVENTS}`);
    read.release();
    await early.sees(`caught up ${EVENTS}`);

    expect(early.seqs).toEqual(seqs(0, EVENTS));
    expect(late.seqs).toEqual(seqs(700, EVENTS));
    expect(reads()).toBe(PAGES + 1);
    expect(await pages('shared')).toBe(1);
  });

  it('meet again behind large events, whose pages are shorter', async () => {
    await fill(60, 'x'.repeat(20_000));
    await fill(EVENTS);
    const readers = await Promise.all([follow('alice', 0), follow('bob', 1)]);
    await Promise.all(readers.map((reader) => reader.sees(`caught up ${EVENTS}`)));

    expect(readers.map((reader) => reader.seqs)).toEqual([seqs(0, EVENTS), seqs(1, EVENTS)]);
    expect(await pages('shared')).toBeGreaterThanOrEqual(2);
  });

  it('all go on where a page could not be read', async () => {
    await fill(EVENTS);
    bench.storage.before('events.read', () => {
      bench.storage.before('events.read', null);
      return Promise.reject(new Error('disk'));
    });
    const readers = await Promise.all([follow('alice', 0), follow('bob', 0)]);
    while ((await bench.metrics.value('threadcast_delivery_read_failures_total', {})) < 2) await bench.storage.check();
    bench.clock.advance(250);
    await Promise.all(readers.map((reader) => reader.sees(`caught up ${EVENTS}`)));

    for (const reader of readers) expect(reader.seqs).toEqual(seqs(0, EVENTS));
  });

  it('do not wait for a read that hangs, where they come later', async () => {
    await fill(EVENTS);
    const read = bench.storage.holdNext('events.read');
    const hanging = await follow('alice', 0);
    await read.reached;
    bench.clock.advance(KEPT_MS);
    const late = await follow('bob', 0);
    await late.sees(`caught up ${EVENTS}`);
    expect(hanging.seen).toEqual([]);
    read.release();
    await hanging.sees(`caught up ${EVENTS}`);

    for (const reader of [hanging, late]) expect(reader.seqs).toEqual(seqs(0, EVENTS));
  });

  it('leave the process a turn after a few pages', async () => {
    await fill(20 * 512);
    const before = new Promise<number>((resolve) => new SystemClock().soon(() => resolve(reader.seqs.length)));
    const reader = new Reader('alice');
    await follow('alice', 0, reader);

    expect(await before).toBeLessThanOrEqual(5 * 512);
    await reader.sees(`caught up ${20 * 512}`);
  });
});

describe('Pages that were read', () => {
  it('are kept within their bound, however much is read, and what is not kept is read again', async () => {
    await fill(EVENTS * 4, 'x'.repeat(400));
    const first = await follow('alice', 0);
    const second = new Reader('bob');
    second.full = true;
    await follow('bob', 0, second);
    await first.sees(`caught up ${EVENTS * 4}`);
    const read = await pages('log');
    second.drain();
    await second.sees(`caught up ${EVENTS * 4}`);

    for (const reader of [first, second]) expect(reader.seqs).toEqual(seqs(0, EVENTS * 4));
    expect(read * 65_536).toBeGreaterThan(2 * MAX_BYTES);
    expect(Math.max(...first.kept)).toBeGreaterThan(MAX_BYTES / 2);
    expect(Math.max(...first.kept, ...second.kept)).toBeLessThanOrEqual(MAX_BYTES);
    expect(await pages('log')).toBeGreaterThan(read);
  });

  it('are kept for a moment, also where somebody waits who does not read', async () => {
    await fill(EVENTS);
    const slow = new Reader('bob');
    slow.full = true;
    await follow('bob', 0, slow);
    await (await follow('alice', 0)).sees(`caught up ${EVENTS}`);
    expect(kept()).toBeGreaterThan(0);
    expect(await bench.metrics.value('threadcast_delivery_page_bytes', {})).toBe(kept());
    bench.clock.advance(KEPT_MS);
    expect(kept()).toBe(0);

    slow.drain();
    await slow.sees(`caught up ${EVENTS}`);
    expect(slow.seqs).toEqual(seqs(0, EVENTS));
  });

  it('are not kept for somebody who reads alone', async () => {
    await fill(EVENTS);
    await (await follow('alice', 0)).sees(`caught up ${EVENTS}`);

    expect(kept()).toBe(0);
  });

  it('go when nobody follows the thread any more', async () => {
    await fill(EVENTS);
    const readers = await Promise.all([follow('alice', 0), follow('bob', 0)]);
    await Promise.all(readers.map((reader) => reader.sees(`caught up ${EVENTS}`)));
    expect(kept()).toBeGreaterThan(0);
    for (const follower of followers.splice(0)) follower.close();

    expect(kept()).toBe(0);
    const timers = bench.clock.pendingTimers;
    bench.clock.advance(KEPT_MS);
    expect(bench.clock.pendingTimers).toBe(timers - 1);
  });
});

describe('A log that is deleted while it is read, and made again under its id', () => {
  async function again(): Promise<void> {
    await bench.threads.remove('alice', threadId);
    await bench.make(threadId, 'another');
    await fill(10, 'another');
  }

  it('gives nothing of its pages to those who follow the new one', async () => {
    await fill(EVENTS);
    const slow = new Reader('bob');
    slow.full = true;
    await follow('bob', 0, slow);
    const old = await follow('alice', 0);
    await old.sees(`caught up ${EVENTS}`);
    expect(kept()).toBeGreaterThan(0);
    await again();
    expect(kept()).toBe(0);
    slow.drain();
    const readers = await Promise.all([follow('alice', 0), follow('alice', 0)]);
    await Promise.all(readers.map((reader) => reader.sees('caught up 10')));

    expect(slow.seen).toEqual(['detached deleted']);
    expect(old.seen.slice(-2)).toEqual([`caught up ${EVENTS}`, 'detached deleted']);
    for (const { events } of readers) {
      expect(events.map(({ data }) => (data as { name: string }).name)).toEqual(
        Array.from({ length: 10 }, () => 'another'),
      );
    }
  });

  it('gives nothing of a page that was just being read', async () => {
    await fill(EVENTS);
    const read = bench.storage.holdNext('events.read', 'after');
    const old = await Promise.all([follow('alice', 0), follow('bob', 0)]);
    await read.reached;
    await again();
    const early = await follow('alice', 0);
    await early.sees('caught up 10');
    read.release();
    const late = await follow('alice', 0);
    await late.sees('caught up 10');

    for (const { seen } of old) expect(seen).toEqual(['detached deleted']);
    for (const { events } of [early, late]) expect(events.map(({ seq }) => seq)).toEqual(seqs(0, 10));
    for (const { events } of [early, late]) expect(events[0]?.data).toEqual({ name: 'another', value: 1 });
    expect(kept()).toBeLessThan(20_000);
  });

  it('has other pages, also where nobody has told of the deletion', async () => {
    await fill(EVENTS);
    const { epoch = '' } = (await bench.storage.events.head(threadId)) ?? {};
    const pages = bench.app.get(LogPages);
    await pages.read({ threadId, epoch, after: 0 }, true);
    await again();

    const page = await pages.read({ threadId, epoch: 'another', after: 0 }, true);
    expect(page?.all.map(({ data }) => data)).toEqual(
      seqs(0, 10).map((value) => `{"name":"another","value":${value}}`),
    );
  });
});

describe('A page with the event that takes access away', () => {
  it('is given whole to who stays, and up to that event to who goes', async () => {
    await fill(20);
    const read = bench.storage.holdNext('events.read');
    const readers = await Promise.all([follow('alice', 0), follow('bob', 0)]);
    await read.reached;
    await bench.threads.unshare('alice', threadId, 'bob');
    await fill(30);
    read.release();
    const [alice, bob] = readers;
    await Promise.all([alice.sees('caught up 30'), bob.sees('detached access_removed')]);

    expect(alice.seqs).toEqual(seqs(0, 30));
    expect(bob.seen).toEqual([...seqs(0, 20), 'detached access_removed']);
    expect(await pages('shared')).toBe(1);
  });
});
