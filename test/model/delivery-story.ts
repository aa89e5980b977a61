import { expect } from '@jest/globals';
import fc from 'fast-check';

import type { Observer } from './observer.js';
import type { Stage } from './stage.js';
import { CLIENTS, THREADS, World } from './world.js';

/** One step; what does not apply at the moment does nothing. `place`: which server. */
type Step =
  | {
      readonly do: 'connect';
      readonly client: number;
      readonly late: boolean;
      readonly batch: boolean;
      readonly place: number;
    }
  | { readonly do: 'drop'; readonly client: number }
  | { readonly do: 'stopReading'; readonly client: number }
  | { readonly do: 'readOn'; readonly client: number }
  | { readonly do: 'switch' | 'subscribe'; readonly client: number; readonly thread: number; readonly after: Place }
  | { readonly do: 'unsubscribe'; readonly client: number; readonly thread: number }
  | { readonly do: 'say'; readonly client: number; readonly thread: number }
  | { readonly do: 'rush'; readonly client: number; readonly threads: readonly number[] }
  | {
      readonly do: 'append';
      readonly thread: number;
      readonly count: number;
      readonly merging: boolean;
      readonly place: number;
    }
  | { readonly do: 'settle' }
  | { readonly do: 'restart'; readonly place: number }
  | { readonly do: 'disturb'; readonly place: number; readonly how: string };

type ClientStep = Exclude<
  Step,
  { readonly do: 'append' | 'settle' | 'restart' | 'connect' | 'drop' } | { readonly do: 'disturb' }
>;

/** Where a following begins: at the head, at the beginning, or where the client was. */
type Place = 'head' | 'start' | 'cursor';

export interface StoryOptions {
  readonly stage: () => Promise<Stage>;
  readonly places: number;
  /** Steps before the first restart, between the two, and after the second one. */
  readonly parts: readonly (readonly [least: number, most: number])[];
  readonly runs: number;
  /** What a stage may do to the ways of its servers. */
  readonly disturbances?: readonly string[];
}

const client = fc.nat(CLIENTS - 1);
const thread = fc.nat(THREADS - 1);
const after = fc.constantFrom<Place>('head', 'start', 'cursor');

function stepOf({ places, disturbances = [] }: StoryOptions): fc.Arbitrary<Step> {
  const place = fc.nat(places - 1);
  const weighted: fc.WeightedArbitrary<Step>[] = [
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('connect'), client, late: fc.boolean(), batch: fc.boolean(), place }),
    },
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
        place,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('settle') }) },
  ];
  if (disturbances.length > 0) {
    const how = fc.constantFrom(...disturbances);
    weighted.push({ weight: 1, arbitrary: fc.record({ do: fc.constant('disturb'), place, how }) });
  }
  return fc.oneof(...weighted);
}

/** Restarts are few: one takes as long as hundreds of other steps. */
function storyOf(options: StoryOptions): fc.Arbitrary<Step[]> {
  const step = stepOf(options);
  const parts = options.parts.map(([minLength, maxLength]) => fc.array(step, { minLength, maxLength, size: 'max' }));
  const restart = (index: number): Step => ({ do: 'restart', place: index % options.places });
  return fc
    .tuple(...parts)
    .map((all): Step[] => all.flatMap((part, index) => (index === 0 ? part : [restart(index), ...part])));
}

async function take(world: World, now: Step): Promise<void> {
  if (now.do === 'append') world.append(now.thread, now.count, now.merging, now.place);
  else if (now.do === 'settle') await world.settle();
  else if (now.do === 'restart') await world.restart(now.place);
  else if (now.do === 'disturb') world.disturb(now.place, now.how);
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

/** Tells stories at random, and fails where a client has seen anything but the log. Resolves with what was done, in words. */
export async function tellStories(options: StoryOptions): Promise<string> {
  const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31);
  const numRuns = Number(process.env['MODEL_RUNS'] ?? options.runs);
  let steps = 0;
  let seen = 0;
  const outcome = await fc.check(
    fc.asyncProperty(storyOf(options), async (all) => {
      const world = await World.make(await options.stage());
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
  return `seed ${seed}, ${numRuns} stories, ${steps} steps, ${seen} frames seen, 0 faults`;
}
