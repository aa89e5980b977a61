import type { ThreadId } from '../ids/index.js';
import type { LogHead, NewEvent, StoredEvent } from './records.js';

interface PageBounds {
  /** At most this many. */
  readonly limit: number;
  /** Stop once the data read exceeds this; at least one event is read if there is one. */
  readonly maxBytes?: number;
  /** Of the log that is meant. Nothing is read of another one that has the thread's id by now. */
  readonly epoch?: string;
}

export interface ReadRange extends PageBounds {
  /** Events with a larger seq are read. */
  readonly after: number;
}

export interface ReadBackRange extends PageBounds {
  /** Events with a smaller seq are read, the nearest ones. */
  readonly before: number;
}

/** One thread's part of a batch. Its events get seqs without a hole, in this order. */
export interface Append {
  readonly threadId: ThreadId;
  readonly events: readonly NewEvent[];
}

/** `firstSeq` of the events of an append, and the log's mark; null when there is no such thread. */
export type Appended = { readonly firstSeq: number; readonly head: number; readonly epoch: string } | null;

/** Reads the durable logs. What one read returns is committed and never changes. */
export abstract class EventLogReader {
  /** Events after a cursor in the order of seq, without a hole. Empty: none there, or no such thread. */
  abstract read(threadId: ThreadId, range: ReadRange): Promise<readonly StoredEvent[]>;

  /** The last events below a seq, in the order of seq; where a bound is reached, the oldest are left out. */
  abstract readBefore(threadId: ThreadId, range: ReadBackRange): Promise<readonly StoredEvent[]>;

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
