import { beforeEach, describe, expect, it } from '@jest/globals';

import { SystemClock } from '../../clock/index.js';
import { ThreadcastError } from '../../errors/index.js';
import type { RunId, ThreadId } from '../../ids/index.js';
import { Metrics } from '../../metrics/index.js';
import { NodeLeases, type ReadyRuns, type RunPlace, type Storage, type WaitingRuns } from '../../storage/index.js';
import { newRun } from '../../testing/contract/storage-harness.js';
import { Gate } from '../../testing/runs-bench.js';
import { RunPlaces } from '../../threads/index.js';
import { AgentsOptions } from '../agents-options.js';
import { RunCalls } from './run-calls.js';
import { RunWakes, type OfferOutcome } from './run-wakes.js';

/** What waits is what the test says; it answers when it is let. */
class ScriptedLeases extends NodeLeases {
  readonly asked: WaitingRuns[] = [];
  runs: readonly RunPlace[] = [];
  gate: Gate | null = null;
  isAway = false;

  override async ready(waiting: WaitingRuns): Promise<ReadyRuns> {
    this.asked.push(waiting);
    await this.gate?.opened;
    if (this.isAway) throw new ThreadcastError('storage_unavailable');
    return { runs: this.runs, next: null };
  }

  override waiting(): Promise<number> {
    return Promise.resolve(this.runs.length);
  }

  override renew = (): Promise<never> => Promise.reject(new Error('not asked here'));
  override release = this.renew;
  override lapsed = this.renew;
  override held = this.renew;
  override forget = this.renew;
}

const thread = (n: number): ThreadId => `thread_${n}` as ThreadId;

describe('The looks for runs whose turn may have come', () => {
  let leases: ScriptedLeases;
  let metrics: Metrics;
  let wakes: RunWakes;
  let outcome: OfferOutcome;
  const offered: RunId[] = [];

  beforeEach(() => {
    leases = new ScriptedLeases();
    metrics = new Metrics();
    outcome = 'taken';
    offered.length = 0;
    const storage = { leases } as unknown as Storage;
    const calls = new RunCalls(new AgentsOptions(), new SystemClock(), metrics);
    wakes = new RunWakes(storage, new RunPlaces({ node: 'node_1' }), calls, metrics);
    wakes.serve((run) => {
      offered.push(run.runId);
      return outcome;
    });
  });

  const clock = new SystemClock();
  const turn = (): Promise<void> => new Promise((resolve) => clock.soon(resolve));
  const dropped = (why: string): Promise<number> => metrics.value('threadcast_agents_dropped_wakes_total', { why });

  it('are bounded while the storage is slow; what is over is counted, and left to the sweep', async () => {
    leases.gate = new Gate();
    for (let n = 0; n < 10_010; n += 1) wakes.wake({ threadId: thread(n) });
    // Those that are being looked at have left the queue.
    expect(await dropped('full')).toBeGreaterThanOrEqual(1);
    const taken = 10_010 - (await dropped('full'));
    leases.gate.open();
    while (leases.asked.length < taken) await turn();
    await turn();
    expect(leases.asked).toHaveLength(taken);
    wakes.wake({ threadId: thread(1) });
    while (leases.asked.length === taken) await turn();
  });

  it('begin as many runs of a user as have ended, and are one for several ends of a thread', async () => {
    leases.runs = [1, 2, 3, 4].map((n) => newRun(thread(n), n));
    leases.gate = new Gate();
    wakes.wake({ threadId: thread(9) });
    for (let n = 0; n < 2; n += 1) wakes.wake({ threadId: thread(8), userId: 'ada' });
    leases.runs = [];
    leases.gate.open();
    while (leases.asked.length < 2) await turn();
    leases.runs = [1, 2, 3, 4].map((n) => newRun(thread(n), n));
    while (leases.asked.length < 3) await turn();
    await turn();
    expect(leases.asked.filter((one) => 'threadId' in one && one.threadId === thread(8))).toHaveLength(1);
    expect(leases.asked.filter((one) => 'userId' in one)).toEqual([{ userId: 'ada' }]);
  });

  it('fail without a word to anybody but the counter, and go on', async () => {
    leases.isAway = true;
    wakes.wake({ threadId: thread(1) });
    while ((await dropped('storage')) === 0) await turn();
    await expect(wakes.sweep()).resolves.toBeUndefined();
    leases.isAway = false;
    leases.runs = [newRun(thread(1), 1)];
    wakes.wake({ threadId: thread(1) });
    while (offered.length === 0) await turn();
  });

  it('call out what there is no room for here', async () => {
    outcome = 'full';
    leases.runs = [newRun(thread(1), 1)];
    wakes.wake({ threadId: thread(1) });
    const sent = (): Promise<number> => metrics.value('threadcast_agents_calls_total', { outcome: 'dropped' });
    while ((await sent()) === 0) await turn();
  });
});
