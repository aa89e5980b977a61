import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { newEvent, runId } from '../testing/contract/storage-harness.js';
import { DeliveryBench } from '../testing/delivery-bench.js';
import { AppendPipeline } from '../threads/index.js';
import { RunPast } from './run-past.js';

let bench: DeliveryBench;

beforeEach(async () => {
  bench = await DeliveryBench.open();
});

afterEach(() => bench.close());

it('The past of a run is read in pages of bounded size, and ends where it has grown large', async () => {
  const threadId = await bench.thread();
  const events = Array.from({ length: 8 }, () => newEvent('x'.repeat(3_000_000)));
  await bench.app.get(AppendPipeline).append(threadId, events);
  let pages = 0;
  bench.storage.after('events.readBefore', () => {
    pages += 1;
    return Promise.resolve();
  });
  const past = await new RunPast(bench.storage.events, threadId, runId(threadId, 1), 9).read(1_000);

  expect(past.map((event) => event.seq)).toEqual([3, 4, 5, 6, 7, 8]);
  expect(pages).toBe(3);
});
