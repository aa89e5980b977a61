import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ThreadcastError } from '../errors/index.js';
import type { RunId, ThreadId } from '../ids/index.js';
import type { RunRecord, StoredEvent } from '../storage/index.js';
import { newRun } from '../testing/contract/storage-harness.js';
import { DeliveryBench } from '../testing/delivery-bench.js';
import { AppendPipeline } from './append-pipeline.js';
import { CommitFeed } from './commit-feed.js';
import { EventFactory } from './event-factory.js';

const THREADS = 3;
const RUNS = 2;
const MESSAGES = ['m-0', 'm-1'];

/** What a producer does next. `pause`: it lets the event loop turn, so that batches are of any size. */
interface Step {
  readonly kind: 'delta' | 'event' | 'task' | 'bad task' | 'bad event' | 'no thread' | 'end';
  readonly thread: number;
  readonly run: number;
  readonly message: number;
  readonly pause: boolean;
}

/** What becomes of a transaction: `before` it is refused, `after` it is made and the answer is lost. */
type Fate = 'fine' | 'before' | 'after';

const step = (...kinds: Step['kind'][]): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    thread: fc.nat(THREADS - 1),
    run: fc.nat(RUNS - 1),
    message: fc.nat(MESSAGES.length - 1),
    pause: fc.boolean(),
  });

let bench: DeliveryBench;
let pipeline: AppendPipeline;
let told: StoredEvent[];

beforeEach(async () => {
  bench = await DeliveryBench.open();
  pipeline = bench.app.get(AppendPipeline);
  told = [];
  bench.app.get(CommitFeed).subscribe({
    committed: (_threadId, events) => told.push(...events),
    deleted: () => undefined,
  });
});

afterEach(() => bench.close());

interface Sent {
  readonly threadId: ThreadId;
  /** What says which step it was, and nothing else does. */
  readonly token: string;
  readonly step: Step;
  readonly outcome: Promise<{ readonly seq: number } | { readonly refused: unknown }>;
}

/** Threads, each with its runs at work. */
async function arena(): Promise<{ threadIds: ThreadId[]; runs: RunRecord[][] }> {
  const threadIds = await Promise.all(Array.from({ length: THREADS }, () => bench.thread()));
  const runs = threadIds.map((threadId) =>
    Array.from({ length: RUNS }, (_, n) => newRun(threadId, n, { status: 'running', attempt: 1 })),
  );
  await pipeline.execute(threadIds, async (write) => {
    for (const run of runs.flat()) await write.runs.insert(run);
  });
  told.length = 0;
  return { threadIds, runs };
}

/** Does the steps without waiting for any of them. */
async function send(steps: readonly Step[], threadIds: ThreadId[], runs: RunRecord[][]): Promise<Sent[]> {
  const factory = bench.app.get(EventFactory);
  const sent: Sent[] = [];
  for (const [index, one] of steps.entries()) {
    const threadId = threadIds[one.thread]!;
    const { runId, agent } = runs[one.thread]![one.run]!;
    const token = `<${index}>`;
    const event = factory.make({ type: 'custom', data: { name: 'token', value: token } });
    const made = {
      delta: () => pipeline.appendDelta(threadId, { runId, agent, attempt: 1 }, MESSAGES[one.message]!, token),
      event: () => pipeline.append(threadId, [event], { runId, attempt: 1 }),
      task: () => pipeline.execute([threadId], (write) => write.append(threadId, [event])),
      'bad task': () =>
        pipeline.execute([threadId], async (write) => {
          await write.append(threadId, [event]);
          throw new Error(`bad ${token}`);
        }),
      // What no column takes: it fails inside the statement that appends its neighbours too.
      'bad event': () => pipeline.append(threadId, [{ ...event, data: { length: 1 } as never }], { runId, attempt: 1 }),
      'no thread': () => pipeline.append('thread_none' as ThreadId, [event]),
      end: () =>
        pipeline.execute([threadId], async (write) => {
          await write.runs.update(runId, { status: 'completed' });
          return write.append(threadId, [event]);
        }),
    }[one.kind]();
    const outcome = made.then(
      (seq) => ({ seq }),
      (refused: unknown) => ({ refused }),
    );
    sent.push({ threadId, token, step: one, outcome });
    if (one.pause) await new Promise<void>((resolve) => bench.clock.soon(resolve));
  }
  await Promise.all(sent.map(({ outcome }) => outcome));
  return sent;
}

const log = (threadId: ThreadId): Promise<readonly StoredEvent[]> =>
  bench.storage.events.read(threadId, { after: 0, limit: 100_000 });
const tokensOf = (events: readonly StoredEvent[]): string[] =>
  events.flatMap((event) => event.data.match(/<\d+>/gu) ?? []);

/** Gapless, and told in the same order with the same bytes. */
async function checkLog(threadId: ThreadId): Promise<readonly StoredEvent[]> {
  const events = await log(threadId);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  expect(told.filter((event) => event.threadId === threadId)).toEqual(events);
  return events;
}

/** Each one that resolved stands where it was told to stand. */
async function checkSeqs(sent: readonly Sent[], events: readonly StoredEvent[], threadId: ThreadId): Promise<void> {
  for (const { token, outcome } of sent.filter((one) => one.threadId === threadId)) {
    const settled = await outcome;
    if ('seq' in settled) expect(tokensOf([events[settled.seq - 1]!])).toContain(token);
  }
}

/** The text of each message of each run, as the log has it. */
function texts(events: readonly StoredEvent[]): Map<string, string> {
  const said = new Map<string, string>();
  for (const { type, runId, data } of events) {
    if (type !== 'agent_delta') continue;
    const { messageId, text } = JSON.parse(data) as { messageId: string; text: string };
    const key = `${String(runId)} ${messageId}`;
    said.set(key, (said.get(key) ?? '') + text);
  }
  return said;
}

describe('The append pipeline, under any interleaving of threads and producers', () => {
  it('keeps the order of the calls, gapless; merged deltas say the same; what fails, fails alone', async () => {
    const kinds = step(
      ...(['delta', 'delta', 'delta', 'event', 'task', 'bad task', 'bad event', 'no thread', 'end'] as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(kinds, { minLength: 1, maxLength: 80 }), async (steps) => {
        const { threadIds, runs } = await arena();
        const sent = await send(steps, threadIds, runs);
        const over = new Set<RunId>();
        const taken: Sent[] = [];
        for (const one of sent) {
          const { runId } = runs[one.step.thread]![one.step.run]!;
          const fenced = over.has(runId) && ['delta', 'event', 'bad event'].includes(one.step.kind);
          const settled = await one.outcome;
          if (one.step.kind === 'bad task') {
            expect(settled).toEqual({ refused: new Error(`bad ${one.token}`) });
          } else if (fenced) {
            expect(settled).toMatchObject({ refused: { code: 'run_ended' } });
          } else if (one.step.kind === 'no thread') {
            expect(settled).toMatchObject({ refused: { code: 'thread_not_found' } });
          } else if (one.step.kind === 'bad event') {
            expect(settled).toHaveProperty('refused');
          } else {
            expect(settled).toHaveProperty('seq');
            taken.push(one);
          }
          if (one.step.kind === 'end') over.add(runId);
        }
        for (const [index, threadId] of threadIds.entries()) {
          const events = await checkLog(threadId);
          const own = taken.filter((one) => one.threadId === threadId);
          expect(tokensOf(events)).toEqual(own.map((one) => one.token));
          await checkSeqs(sent, events, threadId);
          const said = texts(events);
          for (const [run, { runId }] of runs[index]!.entries()) {
            for (const [message, messageId] of MESSAGES.entries()) {
              const unmerged = own
                .filter(({ step: { kind, ...by } }) => kind === 'delta' && by.run === run && by.message === message)
                .map((one) => one.token);
              expect(said.get(`${runId} ${messageId}`) ?? '').toBe(unmerged.join(''));
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('where the storage fails at random: what resolved is stored exactly once, what was refused is not', async () => {
    const fates = fc.array(fc.constantFrom<Fate>('fine', 'fine', 'before', 'after'), { minLength: 1, maxLength: 20 });
    const steps = fc.array(step('delta', 'delta', 'event', 'task'), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, fates, async (given, outcomes) => {
        const { threadIds, runs } = await arena();
        let turn = 0;
        const fate = (): Fate => outcomes[turn % outcomes.length]!;
        const lost = (when: Fate): (() => Promise<void>) => {
          return async () => {
            if (when === 'after') turn += 1;
            const meant = when === 'before' ? fate() : outcomes[(turn - 1) % outcomes.length]!;
            if (meant !== when) return;
            if (when === 'before') turn += 1;
            throw new ThreadcastError('storage_unavailable');
          };
        };
        bench.storage.before('transact', lost('before'));
        bench.storage.after('transact', lost('after'));
        const sent = await send(given, threadIds, runs);
        bench.storage.before('transact', null);
        bench.storage.after('transact', null);

        const stored = new Set<string>();
        for (const one of sent) {
          const settled = await one.outcome;
          if ('seq' in settled) stored.add(one.token);
          else expect(settled).toMatchObject({ refused: { code: 'storage_unavailable' } });
        }
        for (const threadId of threadIds) {
          const events = await checkLog(threadId);
          const own = sent.filter((one) => one.threadId === threadId && stored.has(one.token));
          expect(tokensOf(events)).toEqual(own.map((one) => one.token));
          await checkSeqs(sent, events, threadId);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is fair to the bound of what may wait: what is over is refused and not stored', async () => {
    const threadId = await bench.thread();
    const commit = bench.storage.holdNext('transact');
    const factory = bench.app.get(EventFactory);
    const event = factory.make({ type: 'custom', data: { name: 'n', value: 1 } });
    const outcomes = Array.from({ length: 20_010 }, () =>
      pipeline.append(threadId, [event]).then(
        () => 'stored',
        (error: unknown) => (error as ThreadcastError).code,
      ),
    );
    await commit.reached;
    commit.release();
    const settled = await Promise.all(outcomes);

    expect(settled.filter((outcome) => outcome === 'stored')).toHaveLength(20_000);
    expect(new Set(settled.slice(20_000))).toEqual(new Set(['storage_unavailable']));
    expect(await bench.storage.events.head(threadId)).toMatchObject({ head: 20_000 });
  });
});
