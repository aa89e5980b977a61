import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Observer } from './observer.js';
import { CLIENTS, THREADS, World } from './world.js';

/** One step; what does not apply at the moment does nothing. */
type Step =
  | { readonly do: 'connect'; readonly client: number; readonly late: boolean; readonly batch: boolean }
  | { readonly do: 'drop'; readonly client: number }
  | { readonly do: 'stopReading'; readonly client: number }
  | { readonly do: 'readOn'; readonly client: number }
  | { readonly do: 'switch' | 'subscribe'; readonly client: number; readonly thread: number; readonly after: Place }
  | { readonly do: 'unsubscribe'; readonly client: number; readonly thread: number }
  | { readonly do: 'say'; readonly client: number; readonly thread: number }
  | { readonly do: 'rush'; readonly client: number; readonly threads: readonly number[] }
  | { readonly do: 'append'; readonly thread: number; readonly count: number; readonly merging: boolean }
  | { readonly do: 'settle' }
  | { readonly do: 'restart' };

type ClientStep = Exclude<Step, { readonly do: 'append' | 'settle' | 'restart' | 'connect' | 'drop' }>;

/** Where a following begins: at the head, at the beginning, or where the client was. */
type Place = 'head' | 'start' | 'cursor';

const client = fc.nat(CLIENTS - 1);
const thread = fc.nat(THREADS - 1);
const after = fc.constantFrom<Place>('head', 'start', 'cursor');

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('connect'), client, late: fc.boolean(), batch: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('drop', 'stopReading'), client }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('readOn'), client }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('switch', 'subscribe'), client, thread, after }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('unsubscribe', 'say'), client, thread }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('rush'), client, threads: fc.array(thread, { maxLength: 12 }) }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('append'),
      thread,
      count: fc.integer({ min: 1, max: 60 }),
      merging: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('settle') }) },
);

/** Restarts are few: one takes as long as hundreds of other steps. */
const story = fc
  .tuple(
    fc.array(step, { minLength: 300, maxLength: 1_000, size: 'max' }),
    fc.array(step, { minLength: 300, maxLength: 1_000, size: 'max' }),
    fc.array(step, { maxLength: 300, size: 'max' }),
  )
  .map((parts): Step[] => parts.flatMap((part, index) => (index === 0 ? part : [{ do: 'restart' }, ...part])));

async function take(world: World, now: Step): Promise<void> {
  if (now.do === 'append') world.append(now.thread, now.count, now.merging);
  else if (now.do === 'settle') await world.settle();
  else if (now.do === 'restart') await world.restart();
  else if (now.do === 'connect') await world.connect(now.client, now);
  else if (now.do === 'drop') world.drop(now.client);
  else await takeAs(world.client(now.client), world, now);
}

/** A step of a client that is connected. */
async function takeAs(observer: Observer | null, world: World, now: ClientStep): Promise<void> {
  if (now.do === 'stopReading') observer?.stopReading();
  else observer?.readOn();
  if (observer === null || now.do === 'stopReading' || now.do === 'readOn') return;
  if (now.do === 'rush') {
    await Promise.all(now.threads.map((index) => observer.switchTo(world.thread(index))));
    return;
  }
  const threadId = world.thread(now.thread);
  if (now.do === 'unsubscribe') await observer.unsubscribe(threadId);
  else if (now.do === 'say') await observer.say(threadId, 'some words to be said back');
  else {
    const cursor = observer.cursors().find((one) => one.threadId === threadId)?.after;
    const position = { head: undefined, start: 0, cursor }[now.after];
    await (now.do === 'switch' ? observer.switchTo(threadId, position) : observer.subscribe(threadId, position));
  }
}

/** Few words: a story has hundreds of steps. `MODEL_SHRINK=1 MODEL_SEED=…` finds a short one and tells it. */
function told({ seed, counterexample, numShrinks, errorInstance }: fc.RunDetails<[Step[]]>): string {
  const steps = numShrinks > 0 ? `\nSteps: ${JSON.stringify(counterexample?.[0])}` : '';
  const reason = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return `MODEL_SEED=${seed}: ${reason.slice(0, 2_000)}${steps}`;
}

describe('Clients that connect, switch, lag, drop and come back at random', () => {
  it('each see the log: in order, gapless, each event once', async () => {
    const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31);
    const numRuns = Number(process.env['MODEL_RUNS'] ?? 4);
    let steps = 0;
    let seen = 0;
    const outcome = await fc.check(
      fc.asyncProperty(story, async (all) => {
        const world = await World.make();
        try {
          for (const now of all) await take(world, now);
          steps += all.length;
          expect(await world.compare()).toEqual([]);
          seen += world.seen;
        } finally {
          await world.end();
        }
      }),
      { seed, numRuns, endOnFailure: process.env['MODEL_SHRINK'] === undefined },
    );
    if (outcome.failed) throw new Error(told(outcome));
    process.stdout.write(
      `delivery model: seed ${seed}, ${numRuns} stories, ${steps} steps, ${seen} frames seen, 0 faults\n`,
    );
  }, 300_000);
});
