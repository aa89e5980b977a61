import { Injectable } from '@nestjs/common';

import { Clock } from '../../clock/index.js';
import type { ThreadId } from '../../ids/index.js';
import { Metrics } from '../../metrics/index.js';
import { withDeadline } from '../../startup/index.js';
import { Storage, type LogHead, type StoredEvent } from '../../storage/index.js';

const THREADS_PER_QUERY = 1_000;
const QUERY_MS = 5_000;
const PAGE_EVENTS = 500;
const PAGE_BYTES = 262_144;
/** Logs that are read at once. */
const READERS = 4;

/** Who wants to know of a log. */
export interface LogReader {
  epochOf(threadId: ThreadId): string | null;
  judge(threadId: ThreadId, before: string | null, found: LogHead | null): void;
  place(threadId: ThreadId): { readonly epoch: string; readonly after: number } | null;
  found(threadId: ThreadId, epoch: string, events: readonly StoredEvent[]): void;
}

/**
 * What the relay asks the storage: heads, many with one query, and pages of logs, a few at once. Each thread is in line
 * once at most, so what waits is bounded by what is watched. What fails is left to the next round of heads.
 */
@Injectable()
export class LogReads {
  readonly #closing = new AbortController();
  readonly #toLook = new Map<ThreadId, LogReader>();
  readonly #toRead = new Map<ThreadId, LogReader>();
  readonly #reading = new Set<ThreadId>();
  #isLooking = false;

  constructor(
    private readonly storage: Storage,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  close(): void {
    this.#closing.abort(new Error('The process is about to end.'));
    this.#toLook.clear();
    this.#toRead.clear();
  }

  /** Asks which log there is and how long it is, with a query that begins after this. */
  look(threadId: ThreadId, reader: LogReader): void {
    if (this.#isClosing) return;
    this.#toLook.set(threadId, reader);
    if (this.#isLooking) return;
    this.#isLooking = true;
    // All that is asked for in one turn goes together.
    this.clock.soon(() => void this.#lookAtAll());
  }

  /** Reads on from the reader's place until there is nothing more. */
  read(threadId: ThreadId, reader: LogReader): void {
    if (this.#isClosing || this.#reading.has(threadId)) return;
    this.#toRead.set(threadId, reader);
    this.#readNext();
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  async #lookAtAll(): Promise<void> {
    try {
      while (this.#toLook.size > 0) await this.#lookAtSome();
    } finally {
      this.#isLooking = false;
    }
  }

  async #lookAtSome(): Promise<void> {
    const asked = [...this.#toLook].slice(0, THREADS_PER_QUERY);
    for (const [threadId] of asked) this.#toLook.delete(threadId);
    const before = asked.map(([threadId, reader]) => reader.epochOf(threadId));
    const query = (): Promise<ReadonlyMap<ThreadId, LogHead>> =>
      this.storage.events.heads(asked.map(([threadId]) => threadId));
    const heads = await this.#trying(() => withDeadline(this.clock, QUERY_MS, query, this.#closing.signal));
    if (heads === null) return;
    asked.forEach(([threadId, reader], index) => {
      reader.judge(threadId, before[index] ?? null, heads.get(threadId) ?? null);
    });
  }

  #readNext(): void {
    for (const [threadId, reader] of this.#toRead) {
      if (this.#reading.size >= READERS) return;
      this.#toRead.delete(threadId);
      this.#reading.add(threadId);
      void this.#readOn(threadId, reader).finally(() => {
        this.#reading.delete(threadId);
        this.#readNext();
      });
    }
  }

  async #readOn(threadId: ThreadId, reader: LogReader): Promise<void> {
    while (await this.#readPage(threadId, reader));
  }

  /** Whether there may be more. */
  async #readPage(threadId: ThreadId, reader: LogReader): Promise<boolean> {
    const place = reader.place(threadId);
    if (place === null) return false;
    const page = { ...place, limit: PAGE_EVENTS, maxBytes: PAGE_BYTES };
    const events = await this.#trying(() => this.storage.events.read(threadId, page));
    if (events === null || this.#isClosing) return false;
    reader.found(threadId, place.epoch, events);
    return events.length > 0;
  }

  /** Null: it failed. */
  async #trying<T>(query: () => Promise<T>): Promise<T | null> {
    try {
      return await query();
    } catch {
      if (!this.#isClosing) this.metrics.add('threadcast_delivery_read_failures_total', {});
      return null;
    }
  }
}
