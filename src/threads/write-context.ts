import { ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import type {
  EventLogReader,
  NewEvent,
  NotificationStore,
  RunStore,
  StoredEvent,
  ThreadStore,
  Transaction,
} from '../storage/index.js';
import type { Span } from '../traces/index.js';

/** Where something committed comes from: its job. */
export interface Origin {
  /** When it was given to the pipeline, monotonic. */
  readonly givenAt: number;
  /** Its spans, where there are traces. */
  readonly spans: readonly Span[];
}

/** What a commit will tell the feed, in order. */
export type Publication =
  | {
      readonly kind: 'committed';
      readonly threadId: ThreadId;
      /** Of the log that they are in. */
      readonly epoch: string;
      readonly events: readonly StoredEvent[];
      readonly origin: Origin;
    }
  | { readonly kind: 'deleted'; readonly threadId: ThreadId };

/**
 * One job's hands inside the group's transaction: the stores, and an `append` whose events are published
 * once the transaction is durable. A job that rejects leaves nothing behind, in the log or in the feed.
 */
export class WriteContext {
  readonly #tx: Transaction;
  #lastSeq = 0;
  readonly publications: Publication[] = [];

  constructor(
    tx: Transaction,
    private readonly origin: Origin,
  ) {
    this.#tx = tx;
  }

  get threads(): ThreadStore {
    return this.#tx.threads;
  }

  get runs(): RunStore {
    return this.#tx.runs;
  }

  get notifications(): NotificationStore {
    return this.#tx.notifications;
  }

  /** The logs as this transaction has them. */
  get events(): EventLogReader {
    return this.#tx.events;
  }

  /** Of the last event that this job has appended; 0: it has appended none. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Resolves with the seq of the first event; rejects with `thread_not_found`. */
  async append(threadId: ThreadId, events: readonly NewEvent[]): Promise<number> {
    const [appended] = await this.#tx.events.append([{ threadId, events }]);
    if (appended === null || appended === undefined) throw new ThreadcastError('thread_not_found');
    this.#lastSeq = appended.firstSeq + events.length - 1;
    const { origin } = this;
    this.publications.push({
      kind: 'committed',
      threadId,
      epoch: appended.epoch,
      events: numbered(threadId, events, appended.firstSeq),
      origin,
    });
    return appended.firstSeq;
  }

  /** False: there was no such thread. */
  async deleteThread(threadId: ThreadId, now: number): Promise<boolean> {
    const deleted = await this.#tx.threads.delete(threadId, now);
    if (deleted) this.publications.push({ kind: 'deleted', threadId });
    return deleted;
  }
}

/** The events as stored, from their first seq on. */
export function numbered(threadId: ThreadId, events: readonly NewEvent[], firstSeq: number): StoredEvent[] {
  return events.map(({ type, runId, agent, time, data }, index) => {
    const seq = firstSeq + index;
    return { threadId, seq, type, runId, agent, time, data };
  });
}
