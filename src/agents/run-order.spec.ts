import { afterEach, describe, expect, it } from '@jest/globals';

import type { RunId, ThreadId } from '../ids/index.js';
import type { RunRecord } from '../storage/index.js';
import { Gate, RunsBench, type BenchStart } from '../testing/runs-bench.js';

let bench: RunsBench;

afterEach(() => bench.close());

/** A run that goes on until its gate is opened. */
async function held(start: BenchStart): Promise<{ run: RunRecord; state: string; gate: Gate }> {
  const gate = new Gate();
  const { run, state } = await bench.do(async () => gate.opened, start);
  return { run, state, gate };
}

async function started(threadId: ThreadId): Promise<(RunId | null)[]> {
  return (await bench.log(threadId)).filter((event) => event.type === 'agent_started').map((event) => event.runId);
}

describe('The runs of one thread', () => {
  it('begin one after the other, in the order of their starts', async () => {
    bench = await RunsBench.open();
    const threadId = await bench.thread();
    const first = await held({ threadId });
    const second = await held({ threadId });
    const third = await held({ threadId });
    expect([first.state, second.state, third.state]).toEqual(['running', 'queued', 'queued']);
    expect(await bench.metrics.value('threadcast_agents_runs', { state: 'queued' })).toBe(2);

    third.gate.open();
    await bench.fence();
    expect(await started(threadId)).toEqual([first.run.runId]);
    first.gate.open();
    await bench.told(second.run.runId, 'agent_started');
    second.gate.open();
    await bench.ended(third.run.runId);

    const log = await bench.log(threadId);
    expect(log.map((event) => [event.runId, event.type])).toEqual(
      [first, second, third].flatMap(({ run }) => [
        [run.runId, 'agent_started'],
        [run.runId, 'agent_completed'],
      ]),
    );
  });

  it('do not begin when cancelled while they wait', async () => {
    bench = await RunsBench.open();
    const threadId = await bench.thread();
    const first = await held({ threadId });
    const second = await held({ threadId });
    const third = await held({ threadId });
    await bench.engine.stop('ada', second.run.runId);
    first.gate.open();
    await bench.told(third.run.runId, 'agent_started');

    expect(await bench.types(second.run)).toEqual(['agent_cancelled']);
    expect(await bench.record(second.run.runId)).toMatchObject({ status: 'cancelled', attempt: 0, startedAt: null });
  });

  it('begin at once with the policy parallel, and hold back those that queue', async () => {
    bench = await RunsBench.open();
    const threadId = await bench.thread();
    const first = await held({ threadId });
    const parallel = await held({ threadId, policy: 'parallel' });
    const queued = await held({ threadId });
    expect([first.state, parallel.state, queued.state]).toEqual(['running', 'running', 'queued']);

    first.gate.open();
    await bench.ended(first.run.runId);
    await bench.fence();
    expect(await bench.types(queued.run)).toEqual([]);
    parallel.gate.open();
    await bench.told(queued.run.runId, 'agent_started');
  });

  it('are refused with the policy reject while one has not ended', async () => {
    bench = await RunsBench.open();
    const threadId = await bench.thread();
    const first = await held({ threadId });
    await expect(held({ threadId, policy: 'reject' })).rejects.toMatchObject({ code: 'run_in_progress' });
    first.gate.open();
    await bench.ended(first.run.runId);
    await expect(held({ threadId, policy: 'reject' })).resolves.toMatchObject({ state: 'running' });
  });

  it('are interrupted by one that goes before the queue', async () => {
    bench = await RunsBench.open();
    const threadId = await bench.thread();
    const first = await held({ threadId });
    const waiting = await held({ threadId });
    const interrupting = await held({ threadId, policy: 'interrupt' });
    expect(interrupting.state).toBe('running');
    await bench.told(interrupting.run.runId, 'agent_started');
    await bench.fence();

    expect(JSON.parse((await bench.ended(first.run.runId)).data)).toEqual({ reason: 'interrupted' });
    expect(await started(threadId)).toEqual([first.run.runId, interrupting.run.runId]);
    interrupting.gate.open();
    await bench.told(waiting.run.runId, 'agent_started');
  });

  it('are not overtaken when an interrupt and a start are stored together', async () => {
    bench = await RunsBench.open();
    const threadId = await bench.thread();
    const first = await held({ threadId });
    await bench.told(first.run.runId, 'agent_started');
    const [later, interrupting] = await Promise.all([held({ threadId }), held({ threadId, policy: 'interrupt' })]);
    await bench.told(interrupting.run.runId, 'agent_started');
    interrupting.gate.open();
    await bench.told(later.run.runId, 'agent_started');

    expect(await started(threadId)).toEqual([first, interrupting, later].map(({ run }) => run.runId));
  });

  it('are interrupted also when they were just about to begin', async () => {
    bench = await RunsBench.open();
    const threadId = await bench.thread();
    const [first, interrupting] = await Promise.all([held({ threadId }), held({ threadId, policy: 'interrupt' })]);
    interrupting.gate.open();
    await bench.ended(interrupting.run.runId);

    expect((await bench.ended(first.run.runId)).type).toBe('agent_cancelled');
    expect((await bench.types(first.run)).filter((type) => type !== 'agent_started')).toEqual(['agent_cancelled']);
    expect(await bench.types(interrupting.run)).toEqual(['agent_started', 'agent_completed']);
  });

  it('have one place each, however often they are handed over', async () => {
    bench = await RunsBench.open();
    const threadId = await bench.thread();
    const first = await held({ threadId });
    const second = await held({ threadId });
    expect(bench.engine.dispatch(first.run)).toBe('running');
    expect(bench.engine.dispatch(second.run)).toBe('queued');
    first.gate.open();
    second.gate.open();
    await bench.ended(second.run.runId);
    await bench.fence();
    bench.engine.dispatch(second.run);
    await bench.fence();

    expect(await started(threadId)).toEqual([first.run.runId, second.run.runId]);
  });
});

describe('The runs of a process', () => {
  it('wait when a user has too many, without holding up others', async () => {
    bench = await RunsBench.open({ agents: { maxRunsPerUser: 2 } });
    const ada = [await held({}), await held({}), await held({})];
    const bob = await held({ userId: 'bob' });
    expect([...ada, bob].map((run) => run.state)).toEqual(['running', 'running', 'queued', 'running']);

    ada[1]?.gate.open();
    await bench.told(ada[2]!.run.runId, 'agent_started');
  });

  it('wait when there are too many, and take turns among the users', async () => {
    bench = await RunsBench.open({ agents: { maxRuns: 1 } });
    const runs = [];
    for (const userId of ['ada', 'ada', 'ada', 'bob', 'cyd']) runs.push({ userId, ...(await held({ userId })) });
    expect(runs.map((run) => run.state)).toEqual(['running', 'queued', 'queued', 'queued', 'queued']);

    const order: string[] = [];
    for (const { userId, run, gate } of runs) {
      void bench.told(run.runId, 'agent_started').then(() => {
        order.push(userId);
        gate.open();
      });
    }
    await Promise.all(runs.map(({ run }) => bench.ended(run.runId)));
    expect(order).toEqual(['ada', 'ada', 'bob', 'cyd', 'ada']);
  });

  it('free their place at their end, also when the agent ignores that', async () => {
    bench = await RunsBench.open({ agents: { maxRuns: 1 } });
    const deaf = await bench.do(() => new Promise(() => undefined));
    const next = await held({});
    expect(next.state).toBe('queued');
    await bench.told(deaf.run.runId, 'agent_started');
    await bench.engine.stop('ada', deaf.run.runId);
    await bench.told(next.run.runId, 'agent_started');
  });
});
