import { Injectable } from '@nestjs/common';

import type { ThreadId } from '../ids/index.js';
import { Log } from '../logs/index.js';
import type { StoredEvent } from '../storage/index.js';

/** Hears of what this process has made durable. Calls are synchronous and in the order of commit. */
export interface CommitListener {
  /**
   * Events of one thread, contiguous, just committed. Must not throw and must not wait. `givenAt`: when they were given
   * to be appended, on the monotonic clock of this process.
   */
  committed(threadId: ThreadId, events: readonly StoredEvent[], givenAt: number): void;

  /** The thread and its log are gone. */
  deleted(threadId: ThreadId): void;
}

/**
 * Tells of commits, after they are durable and before their appends resolve.
 *
 * A hint that is fast, never the truth: who misses a call finds the same in the log. It knows no connections
 * and keeps nothing.
 */
@Injectable()
export class CommitFeed {
  readonly #log = new Log(CommitFeed.name);
  readonly #listeners = new Set<CommitListener>();

  subscribe(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  publishCommitted(threadId: ThreadId, events: readonly StoredEvent[], givenAt: number): void {
    this.#tell((listener) => listener.committed(threadId, events, givenAt));
  }

  publishDeleted(threadId: ThreadId): void {
    this.#tell((listener) => listener.deleted(threadId));
  }

  /** One listener's defect must not keep the others, or the append, from going on. */
  #tell(call: (listener: CommitListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        call(listener);
      } catch (error) {
        this.#log.defect(error);
      }
    }
  }
}
