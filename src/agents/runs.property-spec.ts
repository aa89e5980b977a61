import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import type { JsonValue } from '../protocol/index.js';
import { hasEnded, isTerminalType } from '../threads/index.js';
import { RunsBench } from '../testing/runs-bench.js';

type Command =
  | { readonly kind: 'start'; readonly thread: number; readonly policy: 'queue' | 'parallel' | 'interrupt' | 'reject' }
  | { readonly kind: 'stop' | 'answer'; readonly which: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'crash' };

const INPUTS: readonly JsonValue[] = [
  { text: 'a b c' },
  { text: 'a b c', delayMs: 20 },
  { text: 'a b c', failAfter: 1 },
  { text: 'a b c', stallAfter: 2 },
  { text: 'a', ask: 'what?' },
];

const command: fc.Arbitrary<Command & { readonly input: number }> = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: start() },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constantFrom('stop' as const, 'answer' as const), which: fc.nat(20) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(20, 1_000, 200_000) }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'crash' as const }) },
    ),
    fc.nat(INPUTS.length - 1),
  )
  .map(([one, input]) => ({ ...one, input }));

function start(): fc.Arbitrary<Command> {
  const policy = fc.constantFrom('queue' as const, 'parallel' as const, 'interrupt' as const, 'reject' as const);
  return fc.record({ kind: fc.constant('start' as const), thread: fc.nat(1), policy });
}

/** A refusal is an answer; everything else is a defect. */
async function refusable<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ThreadcastError) return null;
    throw error;
  }
}

async function drive(commands: readonly (Command & { input: number })[]): Promise<void> {
  let bench = await RunsBench.open({ agents: { maxRuns: 3, maxRunsPerUser: 2 } });
  try {
    const threads: ThreadId[] = [await bench.thread(), await bench.thread()];
    const runs: Awaited<ReturnType<RunsBench['start']>>['run'][] = [];
    for (const one of commands) {
      if (one.kind === 'start') {
        const threadId = threads[one.thread]!;
        const started = await refusable(bench.start({ threadId, input: INPUTS[one.input]!, policy: one.policy }));
        if (started !== null) runs.push(started.run);
      } else if (one.kind === 'stop' || one.kind === 'answer') {
        const run = runs[one.which % Math.max(1, runs.length)];
        if (run === undefined) continue;
        const open = (await bench.record(run.runId)).inputs.find((input) => input.status === 'open');
        if (one.kind === 'stop') await refusable(bench.engine.stop('ada', run.runId));
        else if (open !== undefined)
          await refusable(bench.engine.provideInput('ada', run.runId, open.requestId, 'this'));
      } else if (one.kind === 'advance') bench.clock.advance(one.ms);
      else bench = await RunsBench.open({ dataDir: await bench.crash(), agents: { maxRuns: 3, maxRunsPerUser: 2 } });
    }
    for (const run of runs) {
      while (!hasEnded((await bench.record(run.runId)).status)) {
        await bench.fence();
        bench.clock.advance(3_600_000);
      }
    }
    for (const threadId of threads) {
      const log = await bench.log(threadId);
      expect(log.map((event) => event.seq)).toEqual(log.map((_event, index) => index + 1));
      for (const run of runs.filter((candidate) => candidate.threadId === threadId)) {
        const types = log.filter((event) => event.runId === run.runId).map((event) => event.type);
        expect(types.filter(isTerminalType)).toHaveLength(1);
        expect(isTerminalType(types.at(-1)!)).toBe(true);
        if (types.length > 1) expect(types[0]).toBe('agent_started');
        expect(types.filter((type) => type === 'agent_started').length).toBeLessThanOrEqual(1);
      }
    }
  } finally {
    await bench.close();
  }
}

describe('Runs', () => {
  it('begin at most once and end exactly once, whatever is asked, in whatever order, crashes included', async () => {
    await fc.assert(fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), drive), { numRuns: 40 });
  });
});
