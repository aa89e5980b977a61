import { afterEach, describe, expect, it } from '@jest/globals';

import { Agent, AgentRunner, type AgentContext, type AgentResult } from './index.js';
import { RunRegistry } from '../threads/index.js';
import { Drainer } from '../startup/index.js';
import { Gate, RunsBench } from '../testing/runs-bench.js';

let bench: RunsBench;

afterEach(() => bench.close());

@Agent({ name: 'phoenix', resumable: true })
class PhoenixAgent extends AgentRunner {
  override async run(context: AgentContext): Promise<AgentResult> {
    await context.write(`attempt ${context.attempt} `);
    if (context.attempt === 1) await context.requestInput({ prompt: 'fire?' });
    const before = (await context.history()).map((event) => event.type);
    return { content: before.join() };
  }
}

async function reopen(providers: (typeof PhoenixAgent)[] = []): Promise<void> {
  bench = await RunsBench.open({ dataDir: await bench.crash(), providers });
}

describe('After a crash', () => {
  it('what ran has its end before anybody is served, what waited starts', async () => {
    bench = await RunsBench.open();
    const { run: running, threadId } = await bench.start({ input: { text: 'a b', stallAfter: 1 } });
    const { run: queued } = await bench.start({ threadId, message: 'next' });
    const { run: asking } = await bench.start({ input: { text: '', ask: 'who?' } });
    await bench.told(running.runId, 'agent_delta');
    await bench.told(asking.runId, 'input_requested');
    await reopen();

    expect(await bench.record(running.runId)).toMatchObject({ status: 'failed', endReason: 'run_interrupted' });
    expect(await bench.types(asking)).toEqual(['agent_started', 'input_requested', 'agent_error']);
    expect((await bench.ended(queued.runId)).type).toBe('agent_completed');
    const ends = (await bench.types(running)).filter((type) => type === 'agent_error');
    expect(ends).toHaveLength(1);
    expect(await bench.metrics.value('threadcast_agents_recovered_runs_total', { action: 'interrupted' })).toBe(2);
  });

  it('what waited is associated with nobody any more, says so before it begins, and is counted once', async () => {
    bench = await RunsBench.open({ providers: [PhoenixAgent] });
    const { run: begun, threadId } = await bench.start({ agent: 'phoenix', message: 'rise' });
    await bench.told(begun.runId, 'input_requested');
    const dispatched = (await bench.start({ threadId, message: 'waits behind it' })).run;
    // Died between the commit and the association: nobody has taken it over.
    const stored = await bench.queue({ message: 'just stored' });
    expect([dispatched.associated, stored.associated]).toEqual([true, true]);
    await reopen([PhoenixAgent]);
    const dissociated = (): Promise<number> => bench.metrics.value('threadcast_agents_dissociated_runs_total', {});
    expect(await dissociated()).toBe(2);
    for (const run of [dispatched, stored]) {
      await bench.ended(run.runId);
      expect(await bench.record(run.runId)).toMatchObject({ status: 'completed', associated: false });
    }

    expect(await bench.record(begun.runId)).toMatchObject({ associated: true });
    await reopen([PhoenixAgent]);
    expect(await dissociated()).toBe(0);
  });

  it('what can be resumed is taken up again, under a new attempt', async () => {
    bench = await RunsBench.open({ providers: [PhoenixAgent] });
    const { run: first, threadId } = await bench.start({ message: 'before' });
    await bench.ended(first.runId);
    const { run } = await bench.start({ threadId, agent: 'phoenix', message: 'rise' });
    const asked = JSON.parse((await bench.told(run.runId, 'input_requested')).data) as { requestId: string };
    const { run: queued } = await bench.start({ threadId, message: 'behind' });
    await reopen([PhoenixAgent]);
    await bench.ended(queued.runId);

    const log = (await bench.log(threadId)).filter((event) => event.runId === run.runId);
    const types = ['agent_started', 'agent_delta', 'input_requested', 'agent_delta', 'agent_completed'];
    expect(log.map((event) => event.type)).toEqual(types);
    expect(await bench.record(run.runId)).toMatchObject({ attempt: 2, inputs: [{ ...asked, status: 'closed' }] });
    expect(log[3]?.data).toMatchObject({ text: 'attempt 2 ' });
    // The thread before the run's first start, its own message included.
    expect(log[4]?.data['content']).toMatch(/^message_created,agent_started,.*agent_completed,message_created$/);
  });

  it('what had begun behind a run that interrupts is cancelled, and that one comes before the queue', async () => {
    bench = await RunsBench.open({ providers: [PhoenixAgent] });
    const threadId = await bench.thread();
    const waiting = await bench.queue({ threadId, message: 'waits' });
    const begun = await bench.queue({ threadId, agent: 'phoenix', message: 'just about to begin' });
    const beside = await bench.queue({ threadId, agent: 'phoenix', message: 'beside', policy: 'parallel' });
    const urgent = await bench.queue({ threadId, message: 'urgent', policy: 'interrupt' });
    for (const run of [begun, beside]) await bench.app.get(RunRegistry).begin(run, undefined);
    await reopen([PhoenixAgent]);
    await bench.ended(waiting.runId);

    expect(await bench.record(begun.runId)).toMatchObject({ status: 'cancelled', endReason: 'interrupted' });
    expect(await bench.record(beside.runId)).toMatchObject({ status: 'completed', attempt: 2 });
    const starts = (await bench.log(threadId)).filter((event) => event.type === 'agent_started');
    expect(starts.map((event) => event.runId)).toEqual([begun, beside, urgent, waiting].map((run) => run.runId));
  });

  it('a queued run whose agent is gone fails and says so', async () => {
    bench = await RunsBench.open({ providers: [PhoenixAgent] });
    const run = await bench.queue({ agent: 'phoenix', message: 'rise' });
    await reopen();

    const end = JSON.parse((await bench.ended(run.runId)).data) as unknown;
    expect(end).toMatchObject({ code: 'run_failed', message: "There is no agent 'phoenix' any more." });
  });
});

describe('A drain', () => {
  it('lets runs finish, and begins no others', async () => {
    bench = await RunsBench.open();
    const gate = new Gate();
    const { run, threadId } = await bench.do(async (context) => {
      await gate.opened;
      await context.write('finished');
    });
    const { run: queued } = await bench.start({ threadId, message: 'later' });
    await bench.told(run.runId, 'agent_started');
    const drained = bench.app.get(Drainer).drain(10_000);
    const { run: late, state } = await bench.start({ message: 'too late' });
    expect(state).toBe('queued');
    gate.open();
    await drained;

    expect(await bench.types(run)).toEqual(['agent_started', 'agent_delta', 'agent_completed']);
    expect(await bench.types(queued)).toEqual([]);
    await reopen();
    expect((await bench.ended(queued.runId)).type).toBe('agent_completed');
    expect((await bench.ended(late.runId)).type).toBe('agent_completed');
  });

  it('leaves what does not finish in time to the next start', async () => {
    bench = await RunsBench.open();
    const aborted = new Gate();
    const { run } = await bench.do(async (context) => {
      context.signal.addEventListener('abort', () => aborted.open());
      await aborted.opened;
      await context.write('late').catch(() => undefined);
    });
    await bench.told(run.runId, 'agent_started');
    const drained = bench.app.get(Drainer).drain(10_000);
    await bench.fence();
    bench.clock.advance(6_500);
    await aborted.opened;
    await drained;
    await bench.fence();

    expect(await bench.types(run)).toEqual(['agent_started']);
    await reopen();
    expect(await bench.types(run)).toEqual(['agent_started', 'agent_error']);
  });

  it('does not wait for a run that waits for a person', async () => {
    bench = await RunsBench.open();
    const { run } = await bench.start({ input: { ask: 'who?' } });
    await bench.told(run.runId, 'input_requested');
    await bench.app.get(Drainer).drain(10_000);

    expect(await bench.types(run)).toEqual(['agent_started', 'input_requested']);
  });
});
