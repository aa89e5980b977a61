import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import { newEvent } from '../testing/contract/storage-harness.js';
import { DeliveryBench } from '../testing/delivery-bench.js';
import { AppendPipeline } from './append-pipeline.js';
import { ThreadsOptions } from './threads-options.js';

let bench: DeliveryBench;
let pipeline: AppendPipeline;
let threadId: ThreadId;

beforeEach(async () => {
  bench = await DeliveryBench.open();
  pipeline = bench.app.get(AppendPipeline);
  threadId = await bench.thread();
});

afterEach(() => bench.close());

const lost = (): Promise<never> => Promise.reject(new ThreadcastError('storage_unavailable'));
const append = (): Promise<number> => pipeline.append(threadId, [newEvent('one')]);

/** Lets time pass until this has settled. */
async function passing<T>(work: Promise<T>): Promise<T> {
  const settled = new AbortController();
  const done = (): void => settled.abort();
  work.then(done, done);
  while (!settled.signal.aborted) {
    await new Promise<void>((resolve) => bench.clock.soon(resolve));
    bench.clock.advance(1_000);
  }
  return work;
}

describe('A commit whose outcome is not known', () => {
  /** Made, not answered, and for so many questions nobody tells. */
  function loseAnswers(questions: number): void {
    let asked = 0;
    bench.storage.after('transact', () => {
      bench.storage.after('transact', null);
      return lost();
    });
    bench.storage.before('wasCommitted', () => {
      asked += 1;
      return asked > questions ? Promise.resolve() : lost();
    });
  }

  it('is asked for until the storage answers; what is appended meanwhile waits', async () => {
    loseAnswers(50);
    const first = append();
    const second = append();
    const begun = bench.clock.monotonic();

    expect(await passing(first)).toBe(1);
    expect(bench.clock.monotonic() - begun).toBeGreaterThan(100_000);
    expect(await second).toBe(2);
    expect(await append()).toBe(3);
  });

  it('is told as not available when the process closes before', async () => {
    loseAnswers(Infinity);
    const refused = expect(append()).rejects.toMatchObject({ code: 'storage_unavailable' });
    await passing(pipeline.beforeApplicationShutdown());
    await refused;
  });
});

describe('Tasks that wait', () => {
  it('count with the bytes that they say', async () => {
    const bytes = new ThreadsOptions().maxWaitingBytes / 4;
    const commit = bench.storage.holdNext('transact');
    const held = append();
    await commit.reached;
    const outcomes = await Promise.all([
      ...Array.from({ length: 6 }, () =>
        Promise.race([
          pipeline
            .execute([threadId], () => Promise.resolve('done'), bytes)
            .catch((error: unknown) => (error as ThreadcastError).code),
          new Promise<string>((resolve) => bench.clock.soon(() => resolve('waits'))),
        ]),
      ),
    ]);
    commit.release();
    await held;

    expect(outcomes).toEqual([...Array<string>(4).fill('waits'), ...Array<string>(2).fill('storage_unavailable')]);
  });
});

describe('The close of the process', () => {
  it('waits for what is being written', async () => {
    const commit = bench.storage.holdNext('transact');
    const first = append();
    await commit.reached;
    const second = append();
    const closed = bench.app.close();
    await new Promise<void>((resolve) => bench.clock.soon(resolve));
    commit.release();
    await closed;

    expect([await first, await second]).toEqual([1, 2]);
  });
});
