import { Injectable } from '@nestjs/common';

import type { ThreadId } from '../ids/index.js';
import { Log } from '../logs/index.js';
import type { LogHead, StoredEvent } from '../storage/index.js';

/** Hears of what this process has made durable. Calls are synchronous and in the order of commit. */
export interface CommitListener {
  /**
   * Events of one thread, contiguous, just committed. Must not throw and must not wait. `givenAt`: when they were given
   * to be appended, on the monotonic clock of this process. `epoch`: of the log that they are in.
   */
  committed(threadId: ThreadId, events: readonly StoredEvent[], givenAt: number, epoch: string): void;

  /** The thread and its log are gone. */
  deleted(threadId: ThreadId): void;
}

/**
 * Hears of what other nodes have made durable, of the threads that are watched here (`WatchedThreads`). Calls are
 * synchronous; none may throw or wait. What this node has committed itself is never told here: who counts, notifies or
 * publishes once per event does so as a `CommitListener`.
 */
export interface RemoteCommitListener {
  /**
   * From now on everything behind `head` is told, of this log and no other. What came before may have been missed:
   * who needs it looks for it. Told when a watch has taken hold, and again where something may have been missed since.
   */
  watching(threadId: ThreadId, log: LogHead): void;

  /**
   * Events of one thread, contiguous, in the order of seq. They may come after later ones that this node has committed
   * itself. Where it has written behind something that it had not heard of yet, its own ones behind that are among them.
   */
  committedElsewhere(threadId: ThreadId, events: readonly StoredEvent[], epoch: string): void;

  /** The log of that epoch is gone with its thread; by the thread's id there may be another one by now. */
  deletedElsewhere(threadId: ThreadId, epoch: string): void;
}

/**
 * Tells of commits: of those of this process after they are durable and before their appends resolve, and of those of
 * other nodes as soon as this one has heard of them or found them in the log.
 *
 * A hint that is fast, never the truth: who misses a call finds the same in the log. It knows no connections
 * and keeps nothing.
 */
@Injectable()
export class CommitFeed {
  readonly #log = new Log(CommitFeed.name);
  readonly #listeners = new Set<CommitListener>();
  readonly #remoteListeners = new Set<RemoteCommitListener>();

  subscribe(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  subscribeRemote(listener: RemoteCommitListener): () => void {
    this.#remoteListeners.add(listener);
    return () => this.#remoteListeners.delete(listener);
  }

  publishCommitted(threadId: ThreadId, events: readonly StoredEvent[], givenAt: number, epoch: string): void {
    this.#tell(this.#listeners, (listener) => listener.committed(threadId, events, givenAt, epoch));
  }

  publishDeleted(threadId: ThreadId): void {
    this.#tell(this.#listeners, (listener) => listener.deleted(threadId));
  }

  /** For whoever brings in what other nodes commit. */
  publishWatching(threadId: ThreadId, log: LogHead): void {
    this.#tell(this.#remoteListeners, (listener) => listener.watching(threadId, log));
  }

  publishCommittedElsewhere(threadId: ThreadId, events: readonly StoredEvent[], epoch: string): void {
    this.#tell(this.#remoteListeners, (listener) => listener.committedElsewhere(threadId, events, epoch));
  }

  publishDeletedElsewhere(threadId: ThreadId, epoch: string): void {
    this.#tell(this.#remoteListeners, (listener) => listener.deletedElsewhere(threadId, epoch));
  }

  /** One listener's defect must not keep the others, or the append, from going on. */
  #tell<Listener>(listeners: ReadonlySet<Listener>, call: (listener: Listener) => void): void {
    for (const listener of listeners) {
      try {
        call(listener);
      } catch (error) {
        this.#log.defect(error);
      }
    }
  }
}
