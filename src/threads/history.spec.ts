import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../ids/index.js';
import { newEvent } from '../testing/contract/storage-harness.js';
import { DeliveryBench } from '../testing/delivery-bench.js';
import { AppendPipeline } from './append-pipeline.js';
import { History, type HistoryPage } from './history.js';

const LARGE_BYTES = 1_500_000;

let bench: DeliveryBench;
let threadId: ThreadId;

beforeEach(async () => {
  bench = await DeliveryBench.open();
  threadId = await bench.thread();
});

afterEach(() => bench.close());

function append(text: string, count: number): Promise<number> {
  const events = Array.from({ length: count }, () => newEvent(text));
  return bench.app.get(AppendPipeline).append(threadId, events);
}

async function page(query: Parameters<History['page']>[2]): Promise<HistoryPage & { readonly seqs: number[] }> {
  const read = await bench.app.get(History).page('alice', threadId, query);
  return { ...read, seqs: read.events.map((event) => (JSON.parse(event) as { seq: number }).seq) };
}

describe('A page of large events', () => {
  it('ends early in both directions, and the next one goes on where it ended', async () => {
    await append('x'.repeat(LARGE_BYTES), 7);

    expect((await page({})).seqs).toEqual([1, 2, 3]);
    expect((await page({ before: 8 })).seqs).toEqual([5, 6, 7]);
    expect((await page({ before: 5 })).seqs).toEqual([2, 3, 4]);
    expect((await page({ before: 2 })).seqs).toEqual([1]);
  });
});

describe('A page that was judged on one log', () => {
  it.each([{}, { before: 9 }])('has nothing of another one under the same id (%j)', async (query) => {
    await append('the first log', 3);
    const call = 'before' in query ? 'events.readBefore' : 'events.read';
    const read = bench.storage.holdNext(call);
    const asked = page(query);
    await read.reached;
    await bench.threads.remove('alice', threadId);
    await bench.storage.transact('again', async (tx) => {
      await tx.threads.create({ threadId, epoch: 'another', ownerId: 'bob', title: null, metadata: {}, createdAt: 1 });
      await tx.events.append([{ threadId, events: [newEvent('not for alice')] }]);
    });
    read.release();

    expect((await asked).events).toEqual([]);
  });
});
