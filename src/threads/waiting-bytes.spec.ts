import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../ids/index.js';
import type { RunRecord } from '../storage/index.js';
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.js';
import { InterceptedStorage } from '../testing/intercepted-storage.js';
import { RunsBench } from '../testing/runs-bench.js';
import { RunRegistry } from './run-registry.js';
import { ThreadsService } from './threads-service.js';

const LARGE = 'x'.repeat(40_000);

describe('What waits for the storage', () => {
  let bench: RunsBench;
  let storage: InterceptedStorage;
  let threads: ThreadsService;
  let registry: RunRegistry;
  let threadId: ThreadId;

  beforeEach(async () => {
    bench = await RunsBench.open({
      threads: { maxWaitingBytes: 30_000 },
      storage: (dataDir) => (storage = new InterceptedStorage(new SqliteStorage({ dataDir }))),
    });
    threads = bench.app.get(ThreadsService);
    registry = bench.app.get(RunRegistry);
    threadId = await bench.thread();
  });

  afterEach(() => bench.close());

  const works = {
    'metadata of a new thread': () => threads.create('ada', { metadata: { note: LARGE } }),
    'a changed title': () => threads.update('ada', threadId, { title: LARGE }),
    'the end of a run': (run: RunRecord) =>
      registry.end(run, { type: 'agent_completed', data: { content: LARGE, durationMs: 0 } }),
    'the beginning of a run': (run: RunRecord) => registry.begin(run, LARGE),
    'an answer': (run: RunRecord) => registry.answerInput(run, 'r', LARGE, null),
    'a question': (run: RunRecord) => registry.requestInput(run, { prompt: LARGE }),
  };

  it.each(Object.entries(works))('is bounded in bytes: %s counts with all that is said in it', async (_what, work) => {
    const run = await bench.queue({ threadId, input: 'x' });
    const commit = storage.holdNext('transact');
    const first = threads.create('ada', {});
    await commit.reached;
    const waiting = Promise.allSettled([work(run)]);
    await expect(threads.create('ada', {})).rejects.toMatchObject({ code: 'storage_unavailable' });
    commit.release();
    await first;
    await waiting;

    expect(await threads.create('ada', {})).toMatchObject({ duplicate: false });
  });
});
