import type { RunId, ThreadId } from '../ids/index.js';
import type { EventLogReader, StoredEvent } from '../storage/index.js';

const PAGE_EVENTS = 500;
const PAGE_BYTES = 1_048_576;

/**
 * The last event of a run, looked for from the end of its thread's log back to one that is `old`. Null: none. `turn` lets
 * others have theirs between two pages.
 */
export async function lastEventOf(
  log: EventLogReader,
  { runId, threadId }: { readonly runId: RunId; readonly threadId: ThreadId },
  isOld: (event: StoredEvent) => boolean,
  turn: () => Promise<void>,
): Promise<StoredEvent | null> {
  let before = ((await log.head(threadId))?.head ?? 0) + 1;
  for (;;) {
    const page = await log.readBefore(threadId, { before, limit: PAGE_EVENTS, maxBytes: PAGE_BYTES });
    for (const event of [...page].reverse()) {
      if (isOld(event)) return null;
      if (event.runId === runId) return event;
    }
    if (page[0] === undefined) return null;
    before = page[0].seq;
    await turn();
  }
}
