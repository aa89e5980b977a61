import type { ThreadId } from '../ids/index.js';
import type { LogHead, NewEvent, StoredEvent } from './records.js';

export interface ReadRange {
  /** Events with a larger seq are read. */
  readonly after: number;
  /** At most this many. */
  readonly limit: number;
  /** Stop once the data read exceeds this; at least one event is read if there is one. */
  readonly maxBytes?: number;
}

/** One thread's part of a batch. Its events get seqs without a hole, in this order. */
export interface Append {
  readonly threadId: ThreadId;
  readonly events: readonly NewEvent[];
}

/** `firstSeq` of the events of an append; null when there is no such thread. */
export type Appended = { readonly firstSeq: number; readonly head: number } | null;

/** Reads the durable logs. What one read returns is committed and never changes. */
export abstract class EventLogReader {
  /** Events after a cursor in the order of seq, without a hole. Empty: none there, or no such thread. */
  abstract read(threadId: ThreadId, range: ReadRange): Promise<readonly StoredEvent[]>;

  /** The last `limit` events with a seq below `before`, in the order of seq. */
  abstract readBefore(threadId: ThreadId, before: number, limit: number): Promise<readonly StoredEvent[]>;

  /** Null: no such thread. */
  abstract head(threadId: ThreadId): Promise<LogHead | null>;

  /** The heads of many threads at one moment. A thread that does not exist is absent from the map. */
  abstract heads(threadIds: readonly ThreadId[]): Promise<ReadonlyMap<ThreadId, LogHead>>;
}

/**
 * The log of every thread: append-only, seq 1, 2, 3 … without holes.
 *
 * The order of seq is the order of commit: appends to one thread wait for each other (a lock on the
 * thread's row), so no reader can see n + 1 without n. It knows nothing of runs, access or connections.
 */
export abstract class EventLog extends EventLogReader {
  /** Appends to several threads. One outcome per append, in order; a thread may occur more than once. */
  abstract append(appends: readonly Append[]): Promise<readonly Appended[]>;
}
