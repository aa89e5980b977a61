import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { StoredEvent } from '../storage/index.js';
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.js';
import { InterceptedStorage } from '../testing/intercepted-storage.js';
import { Gate, RunsBench } from '../testing/runs-bench.js';

let bench: RunsBench;
let storage: InterceptedStorage;

beforeEach(async () => {
  bench = await RunsBench.open({
    storage: (dataDir) => (storage = new InterceptedStorage(new SqliteStorage({ dataDir }))),
  });
});

afterEach(() => bench.close());

const data = (event: StoredEvent): unknown => JSON.parse(event.data);
const hostile = {
  get message(): string {
    throw new Error('Not even a message.');
  },
};

describe('A careless agent', () => {
  it('may throw what throws when it is looked at', async () => {
    const thrown = Object.create(Error.prototype, Object.getOwnPropertyDescriptors(hostile)) as Error;
    const { run } = await bench.do(() => Promise.reject(thrown));

    expect(data(await bench.ended(run.runId))).toMatchObject({ code: 'run_failed', message: 'The agent failed.' });
  });

  it('may emit what throws an object without a text', async () => {
    const bad = {
      messageId: 'm',
      get text(): string {
        throw Object.create(null);
      },
    };
    const { run } = await bench.do(async (context) => {
      void context.emit('agent_delta', bad);
    });

    expect(data(await bench.ended(run.runId))).toMatchObject({ code: 'run_failed' });
  });

  it('may have an abort listener that throws: its run is stopped, and others go on', async () => {
    const gate = new Gate();
    const { run } = await bench.do(async (context) => {
      context.signal.addEventListener('abort', () => {
        throw new Error('careless');
      });
      gate.open();
      await new Promise(() => undefined);
    });
    await gate.opened;

    expect(await bench.engine.stop('ada', run.runId)).toMatchObject({ status: 'cancelled' });
    const { run: next } = await bench.start({ message: 'still there?' });
    expect((await bench.ended(next.runId)).type).toBe('agent_completed');
  });
});

describe('A run', () => {
  it('gets its input from the storage when it begins, not from what waited', async () => {
    const run = await bench.queue({ agent: 'script', input: bench.script.keep(async () => ({ content: 'its own' })) });
    const waited = { ...run, input: 'what waited' };
    bench.engine.dispatch(waited);

    expect(data(await bench.ended(run.runId))).toMatchObject({ content: 'its own' });
  });

  it('whose taking up is never answered ends as timed out', async () => {
    const read = storage.holdNext('runs.get');
    const run = await bench.queue({ message: 'hello' });
    bench.engine.dispatch(run);
    await read.reached;
    bench.clock.advance(600_000);

    expect(data(await bench.ended(run.runId))).toMatchObject({ code: expect.stringMatching(/run_(stalled|timeout)/) });
    read.release();
    await bench.fence();
    expect(await bench.types(run)).toEqual(['agent_error']);
  });
});
