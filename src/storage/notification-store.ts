import type { ThreadId } from '../ids/index.js';
import type { NewNotice, Notice, NoticeOutcome, NoticeRecord } from './records.js';

export interface OwedPage {
  readonly notices: readonly Notice[];
  /** Where the next page begins; null when there is none. */
  readonly next: number | null;
}

/** Reads notices: what users have to be told of, and what became of that. */
export abstract class NotificationStoreReader {
  /** The notice of one event. Null: there was none, it is forgotten, or its thread is gone. */
  abstract find(threadId: ThreadId, seq: number): Promise<NoticeRecord | null>;

  /**
   * Notices that are not settled, first those that were added first. `after`: the `next` of the page before; 0: the first.
   * `node`: those alone that this node may claim.
   */
  abstract owed(page: { readonly after: number; readonly limit: number; readonly node?: string }): Promise<OwedPage>;
}

/**
 * Notices, one for each event that a user has to be told of. Added in the transaction that appends the event, so that
 * the duty to tell is as durable as the event itself. They go with their thread.
 */
export abstract class NotificationStore extends NotificationStoreReader {
  /** Keeps the first one of an event; another one for it, or one of a thread that does not exist, changes nothing. */
  abstract add(notice: NewNotice): Promise<void>;

  /**
   * The notice is this node's, for as long as the node's lease lasts. False: another node has it whose lease lasts, or
   * it is settled, or there no more. Where the storage is one process's, whatever is owed is that process's.
   */
  abstract claim(notice: Notice, node: string): Promise<boolean>;

  /**
   * Settles a notice that is owed, and answers how it stands settled then: the first outcome stays. Null: it is there
   * no more, also where its thread was made again and has another epoch.
   */
  abstract settle(notice: Notice, outcome: NoticeOutcome, now: number): Promise<NoticeOutcome | null>;

  /** Settles what is owed to this user of events up to this seq: the user has seen them. */
  abstract acknowledge(threadId: ThreadId, userId: string, seq: number, now: number): Promise<void>;

  /** Forgets notices that were settled before this time, so many at most; answers how many. */
  abstract prune(settledBefore: number, limit: number): Promise<number>;
}
