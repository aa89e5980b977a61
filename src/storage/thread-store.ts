import type { ThreadId } from '../ids/index.js';
import type { JsonObject } from '../protocol/index.js';
import type { NewThread, Removal, ThreadAccess, ThreadRecord, UserCursor } from './records.js';

export interface ThreadPage {
  readonly threads: readonly ThreadRecord[];
  /** Opaque; null when there is no further page. */
  readonly nextCursor: string | null;
}

export interface ThreadChanges {
  readonly title?: string | null;
  readonly metadata?: JsonObject;
}

/** `tombstone`: deleted; only `ownerId` may make it again. */
export type CreateOutcome =
  | { readonly outcome: 'created' }
  | { readonly outcome: 'exists'; readonly ownerId: string }
  | { readonly outcome: 'tombstone'; readonly ownerId: string };

/** Reads threads. A deleted thread is as absent as one that never was. */
export abstract class ThreadStoreReader {
  abstract get(threadId: ThreadId): Promise<ThreadRecord | null>;

  /** Null: no such thread, or nothing in it for this user; the two cannot be told apart. */
  abstract access(threadId: ThreadId, userId: string): Promise<ThreadAccess | null>;

  /** Threads that the user owns or is a member of, last updated first. A cursor that it has not given: `invalid_payload`. */
  abstract list(userId: string, page: { limit: number; cursor: string | null }): Promise<ThreadPage>;

  /** Who owned the thread that was deleted and has not been made again under this id. Null: there is none. */
  abstract deletedFrom(threadId: ThreadId): Promise<string | null>;

  /** The user's acknowledged cursor in the thread's present log. Null: the user has acknowledged nothing. */
  abstract cursor(threadId: ThreadId, userId: string): Promise<UserCursor | null>;

  /** The cursors of all users in an order of their ids. `after`: the last user of the page before; null: the first page. */
  abstract cursors(threadId: ThreadId, page: { after: string | null; limit: number }): Promise<readonly UserCursor[]>;

  /** The user's last removal from the thread's present log, whether or not they are a member again. Null: none. */
  abstract removal(threadId: ThreadId, userId: string): Promise<Removal | null>;
}

/** Threads, their owners and members, and how far each user has acknowledged. */
export abstract class ThreadStore extends ThreadStoreReader {
  /** Makes the thread with an empty log, unless the id is taken. A tombstone of the same owner is replaced. */
  abstract create(thread: NewThread): Promise<CreateOutcome>;

  /** Null: no such thread. */
  abstract update(threadId: ThreadId, changes: ThreadChanges, now: number): Promise<ThreadRecord | null>;

  /** False: was one already, or there is no such thread. */
  abstract addMember(threadId: ThreadId, userId: string, now: number): Promise<boolean>;

  /** False: was none. */
  abstract removeMember(threadId: ThreadId, userId: string, now: number): Promise<boolean>;

  /** Keeps which event told of the removal; a later one takes its place. */
  abstract recordRemoval(threadId: ThreadId, userId: string, removal: Removal): Promise<void>;

  /**
   * Erases the thread, its log, members, cursors, notices, the content of its runs (input, inputs) and its recorded
   * requests by thread; leaves a tombstone and the runs' ids. False: no such thread.
   */
  abstract delete(threadId: ThreadId, now: number): Promise<boolean>;

  /** Moves the cursor forward, never back; answers where it is then. */
  abstract acknowledge(threadId: ThreadId, userId: string, seq: number, now: number): Promise<number>;
}
