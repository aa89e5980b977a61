import { afterEach, describe, expect, it } from '@jest/globals';

import type { ExternalEvent } from '../threads/index.js';
import { ExternalBench } from '../testing/external-bench.js';
import type { RunsBench, RunsBenchOptions } from '../testing/runs-bench.js';

let scene: ExternalBench;
let bench: RunsBench;

afterEach(() => bench.close());

async function open(options: RunsBenchOptions = {}): Promise<void> {
  scene = await ExternalBench.open(options);
  bench = scene.bench;
}

/** Another process on the same data, so many ms after the crash of the one before. */
async function reopen(afterMs: number): Promise<void> {
  scene = await scene.reopened(afterMs);
  bench = scene.bench;
}

const word: ExternalEvent = { type: 'agent_delta', data: { messageId: 'm', text: 'word' }, eventId: null };
const asking: ExternalEvent = { type: 'input_requested', data: { requestId: 'r' }, eventId: null };
const completed: ExternalEvent = { type: 'agent_completed', data: { content: 'word' }, eventId: null };

describe('A run of another process that goes silent', () => {
  it('is ended, whether or not it has ever said anything; how long it works does not matter', async () => {
    await open();
    const silent = await scene.register();
    const speaking = await scene.register();
    await scene.advance(40_000);
    await scene.append(speaking.runId, word);
    await scene.advance(19_999);
    expect(await scene.states(silent, speaking)).toEqual(['running', 'running']);
    await scene.advance(1);
    expect(await scene.states(silent, speaking)).toEqual(['run_stalled', 'running']);
    await scene.advance(39_999);
    expect(await scene.states(speaking)).toEqual(['running']);
    await scene.advance(1);

    expect(await scene.states(speaking)).toEqual(['run_stalled']);
    expect(await bench.types(silent)).toEqual(['agent_started', 'agent_error']);
    expect(await bench.types(speaking)).toEqual(['agent_started', 'agent_delta', 'agent_error']);
  });

  it('has its time from its turn on, not from its registration', async () => {
    await open();
    const first = await scene.register({ policy: 'queue' });
    const { threadId } = first;
    const second = await scene.register({ threadId, policy: 'queue' });
    for (let n = 0; n < 3; n += 1) {
      await scene.advance(50_000);
      await scene.append(first.runId, word);
    }
    await scene.append(first.runId, completed);
    await bench.fence();
    expect(await scene.states(second)).toEqual(['running']);
    await scene.advance(59_999);
    expect(await scene.states(second)).toEqual(['running']);
    await scene.advance(1);
    expect(await scene.states(second)).toEqual(['run_stalled']);
  });

  it('is not ended while it waits for input, and has its time anew after the answer', async () => {
    await open();
    const run = await scene.register();
    await scene.append(run.runId, asking);
    await scene.advance(599_999);
    expect(await scene.states(run)).toEqual(['waiting_input']);
    await bench.engine.provideInput('ada', run.runId, 'r', 'yes');
    await scene.advance(59_999);
    expect(await scene.states(run)).toEqual(['running']);
    await scene.advance(1);
    expect(await scene.states(run)).toEqual(['run_stalled']);
  });

  it('is ended when the input that it asked for does not come in time', async () => {
    await open();
    const run = await scene.register();
    await scene.append(run.runId, asking);
    // What it says meanwhile makes no difference.
    await scene.advance(500_000);
    await scene.append(run.runId, word);
    await scene.advance(99_999);
    expect(await scene.states(run)).toEqual(['waiting_input']);
    await scene.advance(1);

    expect(await scene.states(run)).toEqual(['input_expired']);
    expect((await bench.record(run.runId)).inputs).toMatchObject([{ requestId: 'r', status: 'expired' }]);
  });

  it('leaves neither a timer nor a place behind', async () => {
    await open({ agents: { maxExternalRuns: 3 } });
    const before = bench.clock.pendingTimers;
    const runs = [await scene.register(), await scene.register(), await scene.register()];
    const threadId = runs[1]!.threadId;
    await scene.append(runs[0]!.runId, completed);
    await bench.engine.stop('ada', runs[1]!.runId);
    await scene.advance(60_000);

    expect(bench.clock.pendingTimers).toBe(before);
    expect(await bench.metrics.value('threadcast_agents_runs', { state: 'external' })).toBe(0);
    // The thread is free for others.
    expect((await scene.register({ threadId, policy: 'queue' })).status).toBe('running');
  });
});

describe('Silence and an append that race', () => {
  it('the append was stored first: the run goes on', async () => {
    await open();
    const run = await scene.register();
    await scene.advance(30_000);
    const commit = scene.storage.holdNext('transact', 'before');
    const appended = scene.append(run.runId, word);
    await commit.reached;
    bench.clock.advance(30_000);
    commit.release();
    expect(await appended).toMatchObject([{ seq: 2 }]);
    await bench.fence();
    expect(await scene.states(run)).toEqual(['running']);
    await scene.advance(59_999);
    expect(await scene.states(run)).toEqual(['running']);
    await scene.advance(1);
    expect(await scene.states(run)).toEqual(['run_stalled']);
  });

  it('the append was stored first, in the same commit as the end would be: the run goes on', async () => {
    await open();
    const run = await scene.register();
    await bench.fence();
    const commit = scene.storage.holdNext('transact', 'before');
    const fence = bench.thread();
    await commit.reached;
    const appended = scene.append(run.runId, word);
    await scene.turn();
    bench.clock.advance(60_000);
    commit.release();
    await fence;
    expect(await appended).toMatchObject([{ seq: 2 }]);
    await bench.fence();

    expect(await scene.states(run)).toEqual(['running']);
  });

  it('the end was stored first: the append is refused', async () => {
    await open();
    const run = await scene.register();
    await bench.fence();
    const commit = scene.storage.holdNext('transact', 'before');
    bench.clock.advance(60_000);
    await commit.reached;
    const appended = scene.append(run.runId, word);
    commit.release();

    await expect(appended).rejects.toMatchObject({ code: 'run_ended' });
    expect(await scene.states(run)).toEqual(['run_stalled']);
    expect(await bench.types(run)).toEqual(['agent_started', 'agent_error']);
  });

  it.each(['before', 'after'] as const)(
    'an answer that comes with the end of its time is one or the other (%s)',
    async (where) => {
      await open();
      const run = await scene.register();
      await scene.append(run.runId, asking);
      await bench.fence();
      const commit = scene.storage.holdNext('transact', 'before');
      const answer = (): Promise<unknown> => bench.engine.provideInput('ada', run.runId, 'r', 'yes');
      const early = where === 'before' ? answer() : undefined;
      if (early !== undefined) await commit.reached;
      bench.clock.advance(600_000);
      await commit.reached;
      const late = early ?? answer().catch((error: unknown) => error);
      commit.release();
      const outcome = await late;
      await bench.fence();

      expect(await scene.states(run)).toEqual([where === 'before' ? 'running' : 'input_expired']);
      if (where === 'after') expect(outcome).toMatchObject({ code: 'input_closed' });
    },
  );
});

describe('After a restart, a run of another process', () => {
  it('goes on, and has what was left of its time by the log', async () => {
    await open();
    const run = await scene.register();
    const silent = await scene.register();
    await scene.advance(10_000);
    await scene.append(run.runId, word);
    await scene.advance(20_000);
    await reopen(10_000);
    expect(await scene.states(run, silent)).toEqual(['running', 'running']);
    expect(await bench.metrics.value('threadcast_agents_recovered_runs_total', { action: 'external' })).toBe(2);
    await scene.advance(20_000);
    expect(await scene.states(run, silent)).toEqual(['running', 'run_stalled']);
    await scene.advance(9_999);
    expect(await scene.states(run)).toEqual(['running']);
    await scene.advance(1);
    expect(await scene.states(run)).toEqual(['run_stalled']);
  });

  it('finds its log among others', async () => {
    await open();
    const run = await scene.register();
    await scene.append(run.runId, word);
    const other = await scene.register({ threadId: run.threadId });
    await scene.advance(30_000);
    for (let n = 0; n < 12; n += 1)
      await scene.append(other.runId, ...Array.from({ length: 100 }, (_, i) => thought(n, i)));
    await reopen(0);
    await scene.advance(29_999);
    expect(await scene.states(run)).toEqual(['running']);
    await scene.advance(1);
    expect(await scene.states(run, other)).toEqual(['run_stalled', 'running']);
  });

  it('that was silent for longer than it may is given a moment to come back', async () => {
    await open();
    const [back, gone] = [await scene.register(), await scene.register()];
    await reopen(3_600_000);
    await scene.advance(4_999);
    await scene.append(back.runId, word);
    await scene.advance(1);

    expect(await scene.states(back, gone)).toEqual(['running', 'run_stalled']);
  });

  it('waits on for input, as long as it would have', async () => {
    await open();
    const [answered, late] = [await scene.register(), await scene.register()];
    for (const { runId } of [answered, late]) await scene.append(runId, asking);
    await scene.advance(300_000);
    await reopen(200_000);
    await scene.advance(99_999);
    await bench.engine.provideInput('ada', answered.runId, 'r', 'yes');
    await scene.advance(1);
    expect(await scene.states(answered, late)).toEqual(['running', 'input_expired']);
    await scene.advance(60_000);
    expect(await scene.states(answered)).toEqual(['run_stalled']);
  });

  it('keeps its place in the queue of its thread', async () => {
    await open();
    const first = await scene.register({ policy: 'queue' });
    const { threadId } = first;
    const second = await scene.register({ threadId, policy: 'queue' });
    const { run: inner } = await bench.start({ threadId, message: 'last' });
    await reopen(0);
    await bench.fence();
    expect(await scene.states(first, second, inner)).toEqual(['running', 'queued', 'queued']);
    await scene.append(first.runId, completed);
    await bench.fence();
    expect(await scene.states(second, inner)).toEqual(['running', 'queued']);
    await scene.append(second.runId, completed);

    expect((await bench.ended(inner.runId)).type).toBe('agent_completed');
  });
});

function thought(n: number, i: number): ExternalEvent {
  return { type: 'agent_thinking', data: { text: `${n} ${i}` }, eventId: null };
}
