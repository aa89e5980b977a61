import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock, type Timer } from '../clock/index.js';
import type { ThreadId } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import { Storage } from '../storage/index.js';
import { compact } from '../threads/index.js';
import { EventFrame } from './event-frame.js';
import { Frames } from './frames.js';

/** How much is kept of pages that were read. */
@Injectable()
export class PageBounds {
  /** Since reading it began. A read that takes longer is waited for by nobody new. */
  keptMs = 1_000;
  /** Of all pages that are kept, by estimate. */
  maxBytes = 16_777_216;
}

/** Where a page begins. */
export interface PagePlace {
  readonly threadId: ThreadId;
  /** Of the log that is meant. */
  readonly epoch: string;
  /** The page has what comes after this seq. */
  readonly after: number;
}

/** A page ends at a multiple of so many events, or earlier. */
const PAGE_EVENTS = 512;
/** A page ends once its data exceeds this. */
const PAGE_BYTES = 65_536;
/**
 * A kept page is text as it was stored and as JSON, frames for either kind of connection, and the text of the batch.
 * The texts of single events refer to the JSON.
 */
const FORMS = 5;
/** Of an event beside its data, in each form. */
const EVENT_OVERHEAD_BYTES = 200;

interface Page {
  readonly threadId: ThreadId;
  readonly content: Promise<Frames | null>;
  /** Others may want it: it is kept when it has been read. */
  wanted: boolean;
  /** By estimate; 0: it is being read. */
  bytes: number;
  /** When reading it began; monotonic ms. */
  readonly since: number;
}

/**
 * Pages of logs, as they are sent to those who read on from a position: neighbouring deltas merged, encoded once.
 *
 * Many who read the same log at the same time, as after a restart, share its pages: who wants a page that is being read
 * waits for it, and it is kept for a moment for those who come a little later. Pages end at the same seqs wherever
 * reading began, so that readers of different positions meet. What is kept is bounded by bytes in all, whoever reads,
 * and goes with the thread's channel: a deleted log leaves nothing.
 *
 * It knows no readers and judges no access: who may see an event is up to each reader, as for live events.
 */
@Injectable()
export class LogPages implements OnModuleDestroy {
  /** Being read or kept, the oldest first. */
  readonly #pages = new Map<string, Page>();
  /** Of the pages of each thread that has any. */
  readonly #keys = new Map<ThreadId, Set<string>>();
  #bytes = 0;
  #sweep: Timer | null = null;

  constructor(
    private readonly storage: Storage,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly bounds: PageBounds,
  ) {
    metrics.measure('threadcast_delivery_page_bytes', {}, () => this.#bytes);
  }

  /** Of all pages that are kept, by estimate. */
  get keptBytes(): number {
    return this.#bytes;
  }

  onModuleDestroy(): void {
    this.#sweep?.cancel();
  }

  /**
   * What comes next, at least one event; null: nothing is there, or that log is gone. `shared`: others read along.
   * Rejects as the storage does.
   */
  read(place: PagePlace, shared: boolean): Promise<Frames | null> {
    const key = `${place.threadId} ${place.epoch} ${place.after}`;
    const present = this.#pages.get(key);
    if (present !== undefined && this.#isFresh(present)) {
      present.wanted = true;
      this.metrics.add('threadcast_delivery_pages_total', { source: 'shared' });
      return present.content;
    }
    this.metrics.add('threadcast_delivery_pages_total', { source: 'log' });
    const since = this.clock.monotonic();
    const content = this.#readLog(place);
    const page: Page = { threadId: place.threadId, content, wanted: shared, bytes: 0, since };
    this.#remove(key);
    this.#pages.set(key, page);
    this.#keysOf(place.threadId).add(key);
    content.then(
      (frames) => this.#keep(key, page, frames),
      () => this.#drop(key, page),
    );
    return content;
  }

  /** Nobody follows the thread here any more, or its log is gone. */
  forget(threadId: ThreadId): void {
    for (const key of this.#keys.get(threadId) ?? []) this.#remove(key);
  }

  async #readLog({ threadId, epoch, after }: PagePlace): Promise<Frames | null> {
    const limit = PAGE_EVENTS - (after % PAGE_EVENTS);
    const events = await this.storage.events.read(threadId, { after, epoch, limit, maxBytes: PAGE_BYTES });
    if (events.length === 0) return null;
    if (events[0]?.seq !== after + 1) throw new Error('the log has a hole');
    return new Frames(compact(events).map((span) => new EventFrame(span)));
  }

  #keep(key: string, page: Page, frames: Frames | null): void {
    if (frames === null || !page.wanted) {
      this.#drop(key, page);
      return;
    }
    if (this.#pages.get(key) !== page) return;
    page.bytes = heldBytes(frames);
    this.#bytes += page.bytes;
    // Behind those that were read before.
    this.#pages.delete(key);
    this.#pages.set(key, page);
    this.#shrink();
    this.#sweepLater();
  }

  /** The oldest ones go until the rest is within its bound. */
  #shrink(): void {
    for (const [key, { bytes }] of this.#pages) {
      if (this.#bytes <= this.bounds.maxBytes) return;
      if (bytes > 0) this.#remove(key);
    }
  }

  #sweepLater(): void {
    if (this.#sweep !== null || this.#bytes === 0) return;
    this.#sweep = this.clock.after(this.bounds.keptMs, () => {
      this.#sweep = null;
      for (const [key, page] of this.#pages) if (!this.#isFresh(page)) this.#remove(key);
      this.#sweepLater();
    });
  }

  #isFresh(page: Page): boolean {
    return this.clock.monotonic() - page.since < this.bounds.keptMs;
  }

  /** Unless another one is in its place. */
  #drop(key: string, page: Page): void {
    if (this.#pages.get(key) === page) this.#remove(key);
  }

  #remove(key: string): void {
    const page = this.#pages.get(key);
    if (page === undefined) return;
    this.#bytes -= page.bytes;
    this.#pages.delete(key);
    const keys = this.#keysOf(page.threadId);
    keys.delete(key);
    if (keys.size === 0) this.#keys.delete(page.threadId);
  }

  #keysOf(threadId: ThreadId): Set<string> {
    const present = this.#keys.get(threadId);
    if (present !== undefined) return present;
    const keys = new Set<string>();
    this.#keys.set(threadId, keys);
    return keys;
  }
}

function heldBytes(frames: Frames): number {
  return FORMS * frames.all.reduce((sum, { data }) => sum + Buffer.byteLength(data) + EVENT_OVERHEAD_BYTES, 0);
}
