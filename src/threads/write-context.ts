import { ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import type { NewEvent, RunStore, StoredEvent, ThreadStore, Transaction } from '../storage/index.js';

/** What a commit will tell the feed, in order. */
export type Publication =
  | { readonly kind: 'committed'; readonly threadId: ThreadId; readonly events: readonly StoredEvent[] }
  | { readonly kind: 'deleted'; readonly threadId: ThreadId };

/**
 * One job's hands inside the group's transaction: the stores, and an `append` whose events are published
 * once the transaction is durable. A job that rejects leaves nothing behind, in the log or in the feed.
 */
export class WriteContext {
  readonly #tx: Transaction;
  readonly publications: Publication[] = [];

  constructor(tx: Transaction) {
    this.#tx = tx;
  }

  get threads(): ThreadStore {
    return this.#tx.threads;
  }

  get runs(): RunStore {
    return this.#tx.runs;
  }

  /** Resolves with the seq of the first event; rejects with `thread_not_found`. */
  async append(threadId: ThreadId, events: readonly NewEvent[]): Promise<number> {
    const [appended] = await this.#tx.events.append([{ threadId, events }]);
    if (appended === null || appended === undefined) throw new ThreadcastError('thread_not_found');
    this.publications.push({ kind: 'committed', threadId, events: numbered(threadId, events, appended.firstSeq) });
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
  return events.map((event, index) => ({ ...event, threadId, seq: firstSeq + index }));
}
