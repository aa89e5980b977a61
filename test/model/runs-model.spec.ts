import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { RunRecord } from '../../src/threads/index.js';
import type { Trouble } from './mortal-storage.js';
import { judge } from './runs-judge.js';
import { NAMES, RunsWorld, THREADS, type Start } from './runs-world.js';

/** One step; what does not apply at the moment does nothing. */
type Step =
  | ({ readonly do: 'start' } & Start)
  | { readonly do: 'stop'; readonly user: number; readonly which: number }
  | {
      readonly do: 'answer';
      readonly user: number;
      readonly which: number;
      readonly open: boolean;
      readonly value: string;
    }
  | { readonly do: 'speak' | 'complete' | 'fail'; readonly which: number }
  | { readonly do: 'ask'; readonly which: number; readonly name: number }
  | { readonly do: 'advance'; readonly ms: number }
  | ({ readonly do: 'trouble' } & Trouble)
  | { readonly do: 'hurry'; readonly steps: number }
  | { readonly do: 'restart' };

const user = fc.nat(1);
const which = fc.nat(11);
const start = fc.record({
  do: fc.constant('start'),
  user,
  thread: fc.nat(THREADS - 1),
  policy: fc.constantFrom('queue', 'queue', 'queue', 'parallel', 'interrupt', 'reject'),
  agent: fc.constantFrom('script', 'resuming'),
  message: fc.option(fc.nat(2)),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: start },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('stop'), user, which }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('speak', 'speak', 'complete', 'fail'), which }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('ask'), which, name: fc.nat(NAMES.length) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ do: fc.constant('answer'), user, which, open: fc.boolean(), value: fc.constantFrom('yes', 'no') },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.constantFrom(1, 1_500, 1_500, 3_000, 30_000, 30_000) }),
  },
  // Steps that follow at once, before what is under way has come to rest.
  { weight: 6, arbitrary: fc.record({ do: fc.constant('hurry'), steps: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ do: fc.constant('trouble'), where: fc.constantFrom('before', 'after') },
      how: fc.constantFrom('wait', 'wait', 'wait', 'fail', 'die'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart') }) },
);

async function take(world: RunsWorld, now: Step): Promise<void> {
  if (now.do === 'start') world.start(now);
  else if (now.do === 'stop') world.stop(now.user, now.which);
  else if (now.do === 'answer') world.provide(now.user, now.which, now.open, now.value);
  else if (now.do === 'speak') await world.speak(now.which);
  else if (now.do === 'ask') world.ask(now.which, now.name);
  else if (now.do === 'complete' || now.do === 'fail') world.finish(now.which, now.do);
  else if (now.do === 'advance') world.advance(now.ms);
  else if (now.do === 'trouble') world.trouble(now);
  else if (now.do === 'restart') await world.restart();
}

const ALL_ENDS = [
  ...['completed', 'input_expired', 'interrupted', 'run_failed', 'run_interrupted', 'run_stalled', 'stopped'],
];

function answered({ inputs }: RunRecord): readonly unknown[] {
  return inputs.filter((input) => input.status === 'answered');
}

/** `MODEL_SHRINK=1 MODEL_SEED=…` finds a short story that fails, and tells it. */
function failure({ seed, counterexample, numShrinks, errorInstance }: fc.RunDetails<[Step[]]>): string {
  const steps = numShrinks > 0 ? `\nSteps: ${JSON.stringify(counterexample?.[0])}` : '';
  const reason = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return `MODEL_SEED=${seed}: ${reason.slice(0, 2_000)}${steps}`;
}

describe('Runs that are asked for, stopped, answered and cut off at random', () => {
  it('begin once at most, end exactly once, and are recorded as the log tells', async () => {
    const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31);
    const numRuns = Number(process.env['MODEL_RUNS'] ?? 40);
    const counts = { steps: 0, runs: 0, resumed: 0, processes: 0, answers: 0 };
    const ends = new Set<string>();
    const story = fc.array(step, { minLength: 40, maxLength: 160, size: 'max' });
    const outcome = await fc.check(
      fc.asyncProperty(story, async (steps) => {
        const world = await RunsWorld.make();
        try {
          let hurry = 0;
          for (const now of steps) {
            hurry = now.do === 'hurry' ? now.steps : hurry - 1;
            await take(world, now);
            await (hurry > 0 ? world.pass(2) : world.look());
            await world.bury();
          }
          await world.finishAll();
          expect(judge(world)).toEqual([]);
          expect(await world.inHand()).toBe(0);
          counts.steps += steps.length;
          for (const run of world.records.values()) ends.add(run.endReason ?? 'completed');
          counts.answers += [...world.records.values()].flatMap(answered).length;
          counts.runs += world.records.size;
          counts.resumed += [...world.records.values()].filter((run) => run.attempt > 1).length;
          counts.processes += world.puppets.process + 1;
        } finally {
          await world.end();
        }
      }),
      { seed, numRuns, endOnFailure: process.env['MODEL_SHRINK'] === undefined },
    );
    if (outcome.failed) throw new Error(failure(outcome));
    const told = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
    process.stdout.write(`runs model: seed ${seed}, ${numRuns} stories, ${told.join(', ')}\n`);
    // Otherwise nothing was tried.
    const { runs, resumed, processes, answers } = counts;
    expect(Math.min(runs, resumed * 4, processes, answers * 4)).toBeGreaterThan(numRuns);
    expect([...ends]).toEqual(expect.arrayContaining(ALL_ENDS));
  }, 300_000);
});
