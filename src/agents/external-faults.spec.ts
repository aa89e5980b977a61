import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { ExternalBench } from '../testing/external-bench.js';
import type { RunsBench, RunsBenchOptions } from '../testing/runs-bench.js';
import type { StoredEvent } from '../storage/index.js';
import { RunRegistry, type ExternalEvent } from '../threads/index.js';

let scene: ExternalBench;
let bench: RunsBench;

afterEach(() => bench.close());

async function open(): Promise<void> {
  scene = await ExternalBench.open();
  bench = scene.bench;
}

async function reopen(options: RunsBenchOptions): Promise<void> {
  scene = await scene.reopened(0, options);
  bench = scene.bench;
}

const completed: ExternalEvent = { type: 'agent_completed', data: { content: 'word' }, eventId: null };

describe('The watch of a run that the storage fails with a defect', () => {
  const LAST_TRY_AFTER = [100, 200, 400];
  const defect = (): Promise<never> => Promise.reject(new Error('a defect'));

  /** Until it is given up. */
  async function fail(): Promise<void> {
    for (const ms of LAST_TRY_AFTER) await scene.advance(ms);
    await bench.fence();
  }

  it('has another look when the run has had its time', async () => {
    await open();
    scene.storage.before('runs.get', defect);
    const run = await scene.register();
    await fail();
    scene.storage.before('runs.get', null);
    await scene.advance(59_999);
    expect(await scene.states(run)).toEqual(['running']);
    await scene.advance(1);

    expect(await scene.states(run)).toEqual(['run_stalled']);
    expect(await bench.metrics.value('threadcast_agents_runs', { state: 'external' })).toBe(0);
  });

  it('lets the run begin later, whose turn has come', async () => {
    await open();
    const first = await scene.register({ policy: 'queue' });
    const second = await scene.register({ threadId: first.threadId, policy: 'queue' });
    const admit = jest.spyOn(bench.app.get(RunRegistry), 'admit').mockImplementation(defect);
    await scene.append(first.runId, completed);
    await fail();
    expect(admit).toHaveBeenCalledTimes(4);
    admit.mockRestore();
    await scene.advance(5_000);
    expect(await scene.states(second)).toEqual(['running']);
    await scene.advance(60_000);

    expect(await scene.states(second)).toEqual(['run_stalled']);
  });
});

describe('A silent run whose input is too large for an event by now', () => {
  it.each(['stopped', 'stalled', 'interrupted'])('is %s, and its start told without it', async (how) => {
    await open();
    const run = await scene.register({ input: 'x'.repeat(1_000) });
    await reopen({ threads: { maxEventBytes: 500 } });
    if (how === 'stopped') await bench.engine.stop('ada', run.runId);
    if (how === 'interrupted') await bench.start({ threadId: run.threadId, message: 'hi', policy: 'interrupt' });
    await scene.advance(60_000);

    expect(await scene.states(run)).toEqual([how === 'stalled' ? 'run_stalled' : how]);
    const told = (await bench.log(run.threadId)).filter(({ runId }) => runId === run.runId);
    expect(told[0]).toMatchObject({ type: 'agent_started', data: {} });
    expect(told[0]?.data).not.toHaveProperty('input');
  });
});

describe('A run that is silent while others of its thread say much', () => {
  const MOST = 200;
  const thoughts = Array.from({ length: 300 }, (_, n): ExternalEvent => {
    return { type: 'agent_thinking', data: { text: `${n}` }, eventId: null };
  });

  /** Counts, for each judgement, the events that are read inside its transaction. */
  function judgements(): number[] {
    const registry = bench.app.get(RunRegistry);
    const counts: number[] = [];
    const endIfDue = registry.endIfDue.bind(registry);
    jest.spyOn(registry, 'endIfDue').mockImplementation((run, due) => {
      return endIfDue(run, (present, log) => {
        const judgement = counts.push(0) - 1;
        const counted =
          <A extends unknown[]>(read: (...args: A) => Promise<readonly StoredEvent[]>) =>
          async (...args: A) => {
            const page = await read(...args);
            counts[judgement] = (counts[judgement] ?? 0) + page.length;
            return page;
          };
        return due(present, {
          read: counted(log.read.bind(log)),
          readBefore: counted(log.readBefore.bind(log)),
          head: log.head.bind(log),
          heads: log.heads.bind(log),
        });
      });
    });
    return counts;
  }

  it('is ended, and their events are not read while everybody waits', async () => {
    await open();
    const run = await scene.register();
    const other = await scene.register({ threadId: run.threadId });
    await scene.advance(30_000);
    for (let n = 0; n < 3; n += 1) await scene.append(other.runId, ...thoughts);
    const counts = judgements();
    await scene.advance(30_000);
    await bench.ended(run.runId);

    expect(await scene.states(run, other)).toEqual(['run_stalled', 'running']);
    expect(counts).toEqual([0]);
  });

  it('is judged later where much came in between, and never by more than a page', async () => {
    await open();
    const run = await scene.register();
    const other = await scene.register({ threadId: run.threadId });
    await scene.advance(30_000);
    await scene.append(other.runId, ...thoughts);
    const counts = judgements();
    const look = scene.storage.holdNext('events.head', 'after');
    bench.clock.advance(30_000);
    await look.reached;
    await scene.append(other.runId, ...thoughts);
    look.release();
    await scene.advance(0);
    await bench.ended(run.runId);

    expect(await scene.states(run, other)).toEqual(['run_stalled', 'running']);
    expect(counts).toEqual([MOST, 0]);
  });
});
