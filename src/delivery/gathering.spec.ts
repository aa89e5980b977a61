import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { SystemClock } from '../clock/index.js';
import type { ThreadId } from '../ids/index.js';
import { DeliveryBench, RecordingSink } from '../testing/delivery-bench.js';
import { AppendPipeline, EventFactory } from '../threads/index.js';
import type { Frames } from './frames.js';

/** Keeps how many events each delivery brought. */
class CountingSink extends RecordingSink {
  readonly deliveries: number[] = [];

  override deliver(frames: Frames): void {
    this.deliveries.push(frames.length);
    super.deliver(frames);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => new SystemClock().soon(resolve));
}

describe('A thread that grows turn after turn', () => {
  let bench: DeliveryBench;
  let threadId: ThreadId;
  let sink: CountingSink;

  beforeEach(async () => {
    bench = await DeliveryBench.open();
    threadId = await bench.thread();
    sink = new CountingSink('alice');
    await follow(sink);
    await sink.sees('caught up 0');
  });

  afterEach(() => bench.close());

  async function follow(by: CountingSink): Promise<void> {
    const following = await bench.follower(by).prepare(threadId, 'active', { after: 0 });
    following.commit();
    following.start();
  }

  /** One commit. */
  async function append(text = ''): Promise<void> {
    const event = bench.app.get(EventFactory).make({ type: 'custom', data: { name: 'n', value: text } });
    await bench.app.get(AppendPipeline).append(threadId, [event]);
  }

  async function quiet(): Promise<void> {
    for (let n = 0; n < 3; n += 1) await turn();
  }

  it('is told at once in a quiet moment', async () => {
    for (let n = 1; n <= 3; n += 1) {
      await append();
      expect(sink.seen.at(-1)).toBe(n);
      await quiet();
    }
    expect(sink.deliveries).toEqual([1, 1, 1]);
  });

  it('goes out in a few pieces, in order and complete, the last one as soon as it is quiet', async () => {
    for (let n = 1; n <= 40; n += 1) await append();
    await quiet();

    expect(sink.seen.slice(1)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(sink.deliveries.length).toBeLessThan(20);
    expect(Math.max(...sink.deliveries)).toBeLessThanOrEqual(8);
  });

  it('does not gather beyond its bound', async () => {
    for (let n = 1; n <= 6; n += 1) {
      await append('x'.repeat(40_000));
      expect(n - Number(sink.seen.at(-1))).toBeLessThan(2);
    }
  });

  it('is told to its end before it is gone', async () => {
    for (let n = 1; n <= 3; n += 1) await append();
    await bench.threads.remove('alice', threadId);

    expect(sink.seen.slice(1)).toEqual([1, 2, 3, 'detached deleted']);
  });

  it('is told in one piece of what one commit brought', async () => {
    await Promise.all(Array.from({ length: 30 }, () => append()));

    expect(sink.deliveries).toEqual([30]);
  });

  it('gives somebody who comes in the middle the rest, once', async () => {
    await append();
    await append();
    await append();
    const late = new CountingSink('alice');
    await follow(late);
    await append();
    await quiet();

    expect(late.seen.filter((seen) => typeof seen === 'number')).toEqual([1, 2, 3, 4]);
    expect(sink.seen.slice(1)).toEqual([1, 2, 3, 4]);
  });
});
