import type { RunId, ThreadId } from '../ids/index.js';
import type { EventEnvelope } from '../protocol/index.js';
import type { EventLogReader, StoredEvent } from '../storage/index.js';
import { envelopeJson } from '../threads/index.js';

const PAGE_EVENTS = 100;
const PAGE_BYTES = 4_194_304;
/** A history ends here even when its limit allows more events. */
const MAX_HISTORY_BYTES = 16_777_216;

/** The thread's log as it was when one run started. */
export class RunPast {
  constructor(
    private readonly log: EventLogReader,
    private readonly threadId: ThreadId,
    private readonly runId: RunId,
    /** Of the run's first event; null: not known, it is looked for. */
    private startSeq: number | null,
  ) {}

  /** The last `limit` events before the run's first one, oldest first. */
  async read(limit: number): Promise<readonly EventEnvelope[]> {
    this.startSeq ??= await this.#findStart();
    const pages: (readonly StoredEvent[])[] = [];
    let before = this.startSeq;
    let left = limit;
    let bytes = 0;
    while (left > 0 && bytes < MAX_HISTORY_BYTES) {
      const page = await this.log.readBefore(this.threadId, {
        before,
        limit: Math.min(left, PAGE_EVENTS),
        maxBytes: Math.min(PAGE_BYTES, MAX_HISTORY_BYTES - bytes),
      });
      if (page[0] === undefined) break;
      pages.unshift(page);
      before = page[0].seq;
      left -= page.length;
      bytes += page.reduce((sum, event) => sum + Buffer.byteLength(event.data), 0);
    }
    return pages.flat().map((event) => JSON.parse(envelopeJson(event)) as EventEnvelope);
  }

  /** Backwards from the end of the log; where the run has no first event yet, that end. */
  async #findStart(): Promise<number> {
    const end = ((await this.log.head(this.threadId))?.head ?? 0) + 1;
    let before = end;
    for (;;) {
      const page = await this.log.readBefore(this.threadId, { before, limit: PAGE_EVENTS, maxBytes: PAGE_BYTES });
      const start = page.find((event) => event.type === 'agent_started' && event.runId === this.runId);
      if (start !== undefined) return start.seq;
      if (page[0] === undefined) return end;
      before = page[0].seq;
    }
  }
}
