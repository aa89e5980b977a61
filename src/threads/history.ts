import { Injectable } from '@nestjs/common';

import { ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import { Storage, type LogHead, type ReadRange, type StoredEvent } from '../storage/index.js';
import { compact, envelopeJson, type EventSpan } from './envelope.js';
import { ThreadsService } from './threads-service.js';

export interface HistoryQuery {
  readonly after?: number;
  readonly before?: number;
  /** 1–1000; larger is capped. */
  readonly limit?: number;
  readonly view?: 'compact';
}

export interface HistoryPage extends LogHead {
  /** Envelopes as JSON text. */
  readonly events: readonly string[];
  /** Where to read on, or null at the head. */
  readonly nextAfter: number | null;
}

export const DEFAULT_HISTORY_LIMIT = 100;
export const MAX_HISTORY_LIMIT = 1_000;
/** A page ends here even when its limit allows more events. */
const MAX_PAGE_BYTES = 4_194_304;

/** Pages of a thread's log, for who may read it. */
@Injectable()
export class History {
  constructor(
    private readonly storage: Storage,
    private readonly threads: ThreadsService,
  ) {}

  /** Forwards from `after` (default the beginning), or with `before` the events that end below it. */
  async page(userId: string, threadId: ThreadId, query: HistoryQuery): Promise<HistoryPage> {
    const { head, epoch } = await this.threads.access(userId, threadId);
    if (query.after !== undefined && query.before !== undefined) {
      throw new ThreadcastError('invalid_payload', { message: 'Give `after` or `before`, not both.' });
    }
    if (query.after !== undefined && query.after > head) {
      throw new ThreadcastError('cursor_invalid', { details: { head, epoch } });
    }
    const limit = Math.min(query.limit ?? DEFAULT_HISTORY_LIMIT, MAX_HISTORY_LIMIT);
    // What was appended after access was judged may be what took it away.
    const events = (await this.#read(threadId, query, { limit, maxBytes: MAX_PAGE_BYTES, epoch })).filter(
      ({ seq }) => seq <= head,
    );
    const spans: readonly EventSpan[] = query.view === 'compact' ? compact(events) : events;
    const last = events.at(-1)?.seq ?? query.after ?? 0;
    return { events: spans.map(envelopeJson), head, epoch, nextAfter: last < head ? last : null };
  }

  #read(threadId: ThreadId, query: HistoryQuery, bounds: Omit<ReadRange, 'after'>): Promise<readonly StoredEvent[]> {
    if (query.before !== undefined) {
      return this.storage.events.readBefore(threadId, { before: query.before, ...bounds });
    }
    return this.storage.events.read(threadId, { after: query.after ?? 0, ...bounds });
  }
}
