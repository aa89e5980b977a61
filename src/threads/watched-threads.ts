import { Injectable } from '@nestjs/common';

import type { ThreadId } from '../ids/index.js';

/** Hears which threads matter on this node. Called in the turn of the change; must not throw. */
export interface WatchListener {
  began(threadId: ThreadId): void;
  ended(threadId: ThreadId): void;
}

/**
 * The threads of which this node wants to hear what other nodes commit: those that somebody here follows, those whose
 * runs are executed here, those that a request waits for. Who watches says so for as long as it does; several may watch one.
 */
@Injectable()
export class WatchedThreads {
  readonly #holds = new Map<ThreadId, number>();
  readonly #listeners = new Set<WatchListener>();

  get size(): number {
    return this.#holds.size;
  }

  all(): Iterable<ThreadId> {
    return this.#holds.keys();
  }

  has(threadId: ThreadId): boolean {
    return this.#holds.has(threadId);
  }

  /** Until the returned function is called; calling it twice does nothing. */
  watch(threadId: ThreadId): () => void {
    const holds = this.#holds.get(threadId) ?? 0;
    this.#holds.set(threadId, holds + 1);
    if (holds === 0) for (const listener of this.#listeners) listener.began(threadId);
    let watches = true;
    return () => {
      if (!watches) return;
      watches = false;
      this.#release(threadId);
    };
  }

  subscribe(listener: WatchListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #release(threadId: ThreadId): void {
    const left = (this.#holds.get(threadId) ?? 1) - 1;
    if (left > 0) {
      this.#holds.set(threadId, left);
      return;
    }
    this.#holds.delete(threadId);
    for (const listener of this.#listeners) listener.ended(threadId);
  }
}
