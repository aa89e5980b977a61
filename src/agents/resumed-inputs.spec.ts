import { afterEach, describe, expect, it } from '@jest/globals';

import type { JsonValue } from '../protocol/index.js';
import type { RunInput, RunRecord } from '../storage/index.js';
import { AppendPipeline, EventFactory, RunRegistry } from '../threads/index.js';
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.js';
import { InterceptedStorage } from '../testing/intercepted-storage.js';
import { Gate, RunsBench, type Script } from '../testing/runs-bench.js';
import type { InputQuestion } from './index.js';

let bench: RunsBench;
let storage: InterceptedStorage;

afterEach(() => bench.close());

const LIMITS = { inputTimeoutMs: 10_000, runStallMs: 2_000, runTimeoutMs: 5_000 };

async function resuming(script: Script): Promise<RunRecord> {
  bench = await RunsBench.open({
    agents: LIMITS,
    storage: (dataDir) => (storage = new InterceptedStorage(new SqliteStorage({ dataDir }))),
  });
  return (await bench.do(script, { agent: 'resuming' })).run;
}

/** Asks one after another, and ends with the answers. */
function asking(...questions: InputQuestion[]): Script {
  return async (context) => {
    const answers: JsonValue[] = [];
    for (const question of questions) answers.push(await context.requestInput(question));
    return { content: JSON.stringify(answers) };
  };
}

async function inputs(run: RunRecord): Promise<readonly RunInput[]> {
  return (await bench.record(run.runId)).inputs;
}

/** Resolves when so many requests have been made. */
async function asked(run: RunRecord, count: number): Promise<readonly RunInput[]> {
  let seen = 0;
  const seqs = new Set<number>();
  await bench.event((event) => {
    if (event.runId === run.runId && event.type === 'input_requested') seqs.add(event.seq);
    seen = seqs.size;
    return seen >= count;
  });
  return inputs(run);
}

function provide(run: RunRecord, requestId: string | undefined, value: JsonValue, userId = 'ada'): Promise<unknown> {
  return bench.engine.provideInput(userId, run.runId, requestId ?? '', value);
}

async function content(run: RunRecord): Promise<unknown> {
  const end = await bench.ended(run.runId);
  return (JSON.parse(end.data) as { content?: string }).content;
}

function turn(): Promise<void> {
  return new Promise((resolve) => bench.clock.soon(resolve));
}

async function restart(): Promise<void> {
  bench = await bench.restart();
}

async function waits(run: RunRecord): Promise<void> {
  for (;;) {
    if ((await bench.record(run.runId)).status === 'waiting_input') return;
    await bench.fence();
  }
}

describe('A request for input, after a crash', () => {
  it('is taken up by the agent that asks again, and not made anew', async () => {
    const run = await resuming(asking({ prompt: 'Which?' }));
    const [before] = await asked(run, 1);
    await restart();
    await waits(run);
    expect(await inputs(run)).toEqual([{ ...before, attempt: 2 }]);
    await provide(run, before?.requestId, 'this one');

    expect(await content(run)).toBe('["this one"]');
    expect(await bench.types(run)).toEqual(['agent_started', 'input_requested', 'input_received', 'agent_completed']);
    expect(await bench.record(run.runId)).toMatchObject({ attempt: 2, status: 'completed' });
  });

  it('can be answered before the agent has come to it: it gets the answer at once', async () => {
    const gate = new Gate();
    const run = await resuming(async (context) => {
      if (context.attempt > 1) await gate.opened;
      return asking({ prompt: 'Which?', schema: { type: 'string' } })(context);
    });
    const [before] = await asked(run, 1);
    await restart();
    expect(await bench.record(run.runId)).toMatchObject({
      status: 'running',
      attempt: 2,
      inputs: [{ status: 'open' }],
    });
    await provide(run, before?.requestId, null);
    expect(await bench.record(run.runId)).toMatchObject({ status: 'running', inputs: [{ status: 'answered' }] });
    gate.open();

    expect(await content(run)).toBe('[null]');
    expect(await bench.types(run)).toEqual(['agent_started', 'input_requested', 'input_received', 'agent_completed']);
  });

  it('that has its answer gives it again, as it was given and not as the log tells it', async () => {
    const secret = { password: 'correct horse', user: 'ada' };
    const got: unknown[] = [];
    const run = await resuming(async (context) => {
      got.push([context.attempt, await context.requestInput({ prompt: 'Sign in.' })]);
      got.push([context.attempt, await context.requestInput({ prompt: 'And now?' })]);
    });
    const [before] = await asked(run, 1);
    await provide(run, before?.requestId, secret);
    const [, open] = await asked(run, 2);
    await restart();
    await provide(run, open?.requestId, 'go');

    await bench.ended(run.runId);
    expect(got).toEqual([
      [1, secret],
      [2, secret],
      [2, 'go'],
    ]);
    expect((await bench.types(run)).filter((type) => type.startsWith('input_'))).toHaveLength(4);
    // What the log does not tell is not kept any longer than it is needed.
    expect(JSON.stringify(await inputs(run))).not.toContain('correct horse');
  });

  it('without a name is the first of the same question; what is not asked again ends with the run', async () => {
    const gate = new Gate();
    const same = { prompt: 'Another one?' };
    const run = await resuming(async (context) => {
      const first = [same, { prompt: 'Dropped?' }, same];
      const questions = context.attempt === 1 ? first : [same, { prompt: 'New?' }, same];
      const answers = await Promise.all(questions.map((question) => context.requestInput(question)));
      await gate.opened;
      return { content: JSON.stringify(answers) };
    });
    const before = await asked(run, 3);
    await restart();
    const now = await asked(run, 1);
    expect(now.map((input) => [input.prompt, input.attempt])).toEqual([
      ['Another one?', 2],
      ['Dropped?', 1],
      ['Another one?', 2],
      ['New?', 2],
    ]);
    await provide(run, before[2]?.requestId, 'third');
    await provide(run, now[3]?.requestId, 'second');
    expect(await bench.record(run.runId)).toMatchObject({ status: 'waiting_input' });
    await provide(run, before[0]?.requestId, 'first');
    // One is open still, and nobody waits for it.
    expect(await bench.record(run.runId)).toMatchObject({ status: 'running' });
    gate.open();

    expect(await content(run)).toBe('["first","second","third"]');
    expect((await inputs(run)).map((input) => input.status)).toEqual(['answered', 'closed', 'answered', 'answered']);
  });

  it('with a name is the one of that name, in any order and in the same attempt', async () => {
    const run = await resuming(async (context) => {
      const ids = context.attempt === 1 ? ['a', 'b'] : ['b', 'a', 'b'];
      const questions = ids.map((requestId) => ({ requestId, prompt: `Asked in attempt ${context.attempt}` }));
      const answers = await Promise.all(questions.map((question) => context.requestInput(question)));
      const again = await context.requestInput({ requestId: 'a' });
      return { content: JSON.stringify([...answers, again]) };
    });
    await asked(run, 2);
    await restart();
    await waits(run);
    await provide(run, 'a', 'A');
    await provide(run, 'b', 'B');

    expect(await content(run)).toBe('["B","A","B","A"]');
    expect(await inputs(run)).toMatchObject([{ requestId: 'a' }, { requestId: 'b', prompt: 'Asked in attempt 1' }]);
  });

  it('has the time that was left to it when it was made', async () => {
    const run = await resuming(asking({ prompt: 'Which?' }));
    await asked(run, 1);
    bench.clock.advance(6_000);
    await restart();
    await waits(run);
    bench.clock.advance(3_999);
    await bench.fence();
    expect(await bench.record(run.runId)).toMatchObject({ status: 'waiting_input' });
    bench.clock.advance(1);

    expect(JSON.parse((await bench.ended(run.runId)).data)).toMatchObject({ code: 'input_expired' });
    expect(await inputs(run)).toMatchObject([{ status: 'expired' }]);
  });

  it('that is overdue ends the run when the agent asks for it again, unless it was answered until then', async () => {
    const gate = new Gate();
    const script: Script = async (context) => {
      if (context.attempt > 1) await gate.opened;
      return asking({ requestId: 'only' })(context);
    };
    const late = await resuming(script);
    const { run: answered } = await bench.do(script, { agent: 'resuming' });
    await asked(late, 1);
    await asked(answered, 1);
    bench.clock.advance(9_999);
    bench = await bench.restart({ agents: { ...LIMITS, runStallMs: 600_000, runTimeoutMs: 600_000 } });
    bench.clock.advance(60_000);
    await provide(answered, 'only', 'here');
    gate.open();
    expect(await content(answered)).toBe('["here"]');
    await waits(late);
    bench.clock.advance(0);

    expect(JSON.parse((await bench.ended(late.runId)).data)).toMatchObject({ code: 'input_expired' });
  });

  it('gets an answer that is stored in the same commit in which it is taken up, and works from then on', async () => {
    const gate = new Gate();
    const got = new Gate();
    const run = await resuming(async (context) => {
      if (context.attempt > 1) await gate.opened;
      if ((await context.requestInput({ requestId: 'only' })) === 'together') got.open();
      await new Promise(() => undefined);
    });
    await asked(run, 1);
    await restart();
    const commit = storage.holdNext('transact');
    const other = bench.thread();
    await commit.reached;
    gate.open();
    await turn();
    const answered = provide(run, 'only', 'together');
    await turn();
    commit.release();
    await Promise.all([other, answered, got.opened]);
    expect(await bench.record(run.runId)).toMatchObject({ status: 'running', inputs: [{ attempt: 2 }] });
    bench.clock.advance(LIMITS.runStallMs);

    expect(JSON.parse((await bench.ended(run.runId)).data)).toMatchObject({ code: 'run_stalled' });
  });

  it('survives several crashes, also one before the agent has asked again', async () => {
    const gates = [new Gate(), new Gate()];
    const run = await resuming(async (context) => {
      if (context.attempt === 2) await gates[0]?.opened;
      return asking({ prompt: 'Which?' }, { prompt: 'Sure?' })(context);
    });
    const [first] = await asked(run, 1);
    await restart();
    await restart();
    await waits(run);
    await provide(run, first?.requestId, 'one');
    const [, second] = await asked(run, 1);
    await restart();
    await provide(run, second?.requestId, 'two');

    expect(await content(run)).toBe('["one","two"]');
    expect(await bench.record(run.runId)).toMatchObject({ attempt: 4 });
    expect((await bench.types(run)).filter((type) => type === 'input_requested')).toHaveLength(2);
  });
});

describe('An attempt that is over', () => {
  it('appends, asks and ends nothing any more', async () => {
    const run = await resuming(asking({ requestId: 'only' }));
    await asked(run, 1);
    await restart();
    await waits(run);
    const { app } = bench;
    const { runId, threadId } = run;
    const event = app
      .get(EventFactory)
      .make({ type: 'agent_thinking', data: { text: 'late' }, runId, agent: 'resuming' });
    const earlier = { runId, threadId, attempt: 1 };
    const registry = app.get(RunRegistry);
    const refused = { code: 'run_ended' };

    await expect(app.get(AppendPipeline).append(threadId, [event], earlier)).rejects.toMatchObject(refused);
    await expect(registry.requestInput(earlier, { requestId: 'only' })).rejects.toMatchObject(refused);
    const end = { type: 'agent_completed', data: { content: 'late', durationMs: 1 } } as const;
    expect(await registry.end(run, end, 1)).toBeNull();
    expect(await bench.types(run)).toEqual(['agent_started', 'input_requested']);
    expect(await bench.metrics.value('threadcast_agents_fenced_events_total', {})).toBe(1);
  });
});
