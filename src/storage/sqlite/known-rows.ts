import type { RunId, ThreadId } from '../../ids/index.js';
import type { RunFence } from '../records.js';

/** So many of each kind; then all are forgotten and read again as they are needed. */
const MAX_KNOWN = 10_000;

export interface KnownThread {
  readonly threadNo: number;
  readonly epoch: string;
  head: number;
}

/**
 * Rows that every append asks for, as the writing connection's open transaction has them: where a thread's log ends,
 * and who may append for a run. It is as good as the rows themselves because nobody else writes them: the data
 * directory is locked, and there is one writer. Whatever undoes a write, a savepoint's end or the transaction's, has
 * all of it forgotten.
 */
export class KnownRows {
  #threads = new Map<ThreadId, KnownThread>();
  #fences = new Map<RunId, RunFence>();

  /** Undefined: the row is to be asked. */
  thread(threadId: ThreadId): KnownThread | undefined {
    return this.#threads.get(threadId);
  }

  knowThread(threadId: ThreadId, thread: KnownThread): void {
    if (this.#threads.size >= MAX_KNOWN) this.#threads = new Map();
    this.#threads.set(threadId, thread);
  }

  forgetThread(threadId: ThreadId): void {
    this.#threads.delete(threadId);
  }

  /** Undefined: the row is to be asked. */
  fence(runId: RunId): RunFence | undefined {
    return this.#fences.get(runId);
  }

  knowFence(runId: RunId, { status, attempt }: RunFence): void {
    if (this.#fences.size >= MAX_KNOWN) this.#fences = new Map();
    this.#fences.set(runId, { status, attempt });
  }

  forget(): void {
    if (this.#threads.size > 0) this.#threads = new Map();
    if (this.#fences.size > 0) this.#fences = new Map();
  }
}
