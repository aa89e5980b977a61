import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { ThreadId } from '../ids/index.js';
import { CommitFeed } from '../threads/index.js';
import { DeliveryBench, type RecordingSink } from '../testing/delivery-bench.js';
import { checkContiguous } from '../testing/streams.js';
import type { Follower } from './follower.js';
import { FollowingHistory } from './following-history.js';
import type { FollowingView } from './following-view.js';

const READERS = 3;
const THREADS = 2;

/** What happens next. `settle`: everything that is under way comes to its end first. */
interface Step {
  readonly kind: 'append' | 'follow' | 'resume' | 'release' | 'full' | 'drain' | 'lose' | 'audit' | 'settle';
  readonly reader: number;
  readonly thread: number;
  readonly hold: 'active' | 'subscribed';
  readonly count: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    ...(['append', 'append', 'append', 'follow', 'resume', 'resume', 'release'] as const),
    ...(['full', 'drain', 'lose', 'audit', 'settle'] as const),
  ),
  reader: fc.nat(READERS - 1),
  thread: fc.nat(THREADS - 1),
  hold: fc.constantFrom('active', 'subscribed'),
  count: fc.integer({ min: 1, max: 4 }),
});

/** Tells delivery nothing while it is deaf. */
class DeafFeed extends CommitFeed {
  deaf = false;

  override publishCommitted(...args: Parameters<CommitFeed['publishCommitted']>): void {
    if (!this.deaf) super.publishCommitted(...args);
  }
}

/** One reader: what it follows, from where, and the last seq that it has seen of each thread. */
class Reader {
  readonly follower: Follower;
  readonly sink: RecordingSink;
  readonly #from = new Map<ThreadId, { readonly position: number; readonly index: number }>();

  constructor(bench: DeliveryBench, name: string) {
    ({ follower: this.follower, sink: this.sink } = bench.reader());
    this.sink.connectionId = name;
  }

  /** With `resume`, at the last seq seen; else at the head. */
  async follow(threadId: ThreadId, hold: Step['hold'], resume: boolean): Promise<void> {
    const after = resume ? (this.#seen(threadId).at(-1)?.seq ?? 0) : undefined;
    const kept = after === undefined && this.follower.follows(threadId);
    const following = await this.follower.prepare(threadId, hold, { after });
    if (!kept) this.#from.set(threadId, { position: after ?? following.head, index: this.sink.events.length });
    following.commit();
    following.start();
  }

  /** Its present following of a thread, or null. */
  stream(threadId: ThreadId): { readonly after: number; readonly events: RecordingSink['events'] } | null {
    const from = this.#from.get(threadId);
    if (from === undefined || !this.follower.follows(threadId)) return null;
    const events = this.sink.events.slice(from.index).filter((event) => event.threadId === threadId);
    return { after: from.position, events };
  }

  /** The seqs of a thread that it was sent, in order of seq, by all its followings. */
  sent(threadId: ThreadId): number[] {
    return this.#seen(threadId)
      .flatMap(({ from, seq }) => range(from ?? seq, seq))
      .sort((one, other) => one - other);
  }

  #seen(threadId: ThreadId): RecordingSink['events'] {
    return this.sink.events.filter((event) => event.threadId === threadId);
  }
}

/** The seqs that followings which ended say they have sent, in order of seq. */
function remembered(followings: readonly FollowingView[], threadId: ThreadId): number[] {
  return followings
    .filter((following) => following.threadId === threadId)
    .flatMap(({ from, position }) => range(from + 1, position))
    .sort((one, other) => one - other);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);
}

describe('Readers that come, switch, lag and resume at random while events are appended and messages are lost', () => {
  it('each see every log that they follow in order, gapless, each event once, and to its end; and that is remembered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 50 }), async (steps) => {
        const feed = new DeafFeed();
        const bench = await DeliveryBench.open((builder) => builder.overrideProvider(CommitFeed).useValue(feed));
        try {
          const readers = Array.from({ length: READERS }, (_, n) => new Reader(bench, `reader ${n}`));
          const threadIds = [await bench.thread(), await bench.thread()];
          /** Changes of one follower are made one after the other. */
          const turns: Promise<unknown>[] = readers.map(() => Promise.resolve());
          const appends: Promise<void>[] = [];
          const settle = async (): Promise<void> => {
            await Promise.all([...turns, ...appends]);
            await bench.append(await bench.thread(), 3);
          };
          for (const { kind, reader: index, thread, hold, count } of steps) {
            const [reader, threadId] = [readers[index]!, threadIds[thread]!];
            const next = (work: () => unknown): void => void (turns[index] = turns[index]!.then(work));
            if (kind === 'append') appends.push(bench.append(threadId, count));
            if (kind === 'follow') next(() => reader.follow(threadId, hold, false));
            if (kind === 'resume') next(() => reader.follow(threadId, hold, true));
            if (kind === 'release') next(() => reader.follower.release(threadId));
            if (kind === 'full') reader.sink.full = true;
            if (kind === 'drain') reader.sink.drain();
            if (kind === 'lose') feed.deaf = !feed.deaf;
            if (kind === 'audit') bench.clock.advance(800);
            if (kind === 'settle') await settle();
          }
          feed.deaf = false;
          for (const { sink } of readers) sink.drain();
          for (let round = 0; round < 3; round += 1) {
            await settle();
            bench.clock.advance(800);
          }
          await settle();

          for (const threadId of threadIds) {
            const head = (await bench.storage.events.head(threadId))?.head;
            for (const reader of readers) {
              const stream = reader.stream(threadId);
              if (stream === null) continue;
              checkContiguous(stream.events, stream.after);
              expect(stream.events.at(-1)?.seq ?? stream.after).toBe(head);
            }
          }
          for (const { follower } of readers) follower.close();
          expect(bench.channels.size).toBe(0);
          for (const reader of readers) {
            const followings = bench.app.get(FollowingHistory).ofConnection(reader.sink.connectionId, 1_000);
            for (const threadId of threadIds) expect(remembered(followings, threadId)).toEqual(reader.sent(threadId));
          }
        } finally {
          await bench.close();
        }
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
