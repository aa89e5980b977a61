import type { RunId, ThreadId } from '../ids/index.js';
import type { RecordedRequest, RunChanges, RunFence, RunPlace, RunRecord } from './records.js';

/** Reads the registry of runs: the truth about which run belongs to which thread. */
export abstract class RunStoreReader {
  abstract get(runId: RunId): Promise<RunRecord | null>;

  /** Runs of the thread that have not ended: first the ones begun, in order of start, then the queued by position. */
  abstract active(threadId: ThreadId): Promise<readonly RunRecord[]>;

  /** The same runs in the same order, without their content: for counting them, and for places in the queue. */
  abstract activePlaces(threadId: ThreadId): Promise<readonly RunPlace[]>;

  /** The last runs of the thread, ended or not, the one made last first. */
  abstract latest(threadId: ThreadId, limit: number): Promise<readonly RunPlace[]>;

  /** All runs that have not ended, by thread, each thread's as in `activePlaces`. For recovery at start. */
  abstract unfinished(): Promise<readonly RunPlace[]>;

  /**
   * How many runs of the user count for the limit on runs under way: those begun, and queued ones that are a node's to
   * begin. Runs of other processes do not count.
   */
  abstract underWayOf(userId: string): Promise<number>;

  /** Present state of several runs; a run that is not known is absent from the map. */
  abstract fences(runIds: readonly RunId[]): Promise<ReadonlyMap<RunId, RunFence>>;

  /** Whether the lease of this node lasts: its runs are nobody else's. False without leases. */
  abstract isKept(node: string): Promise<boolean>;

  /**
   * The first answer to a request. `threadId` null: asked without a thread, so one per user; else one per
   * user and thread. Null: not seen.
   */
  abstract findRequest(userId: string, threadId: ThreadId | null, messageId: string): Promise<RecordedRequest | null>;

  /** The seq that an event of this run with this `eventId` got. Null: not seen. */
  abstract findEvent(runId: RunId, eventId: string): Promise<number | null>;
}

/** Runs, and what makes their starts and events idempotent. Decides nothing: policies live above. */
export abstract class RunStore extends RunStoreReader {
  /** False: the id is taken. */
  abstract insert(run: RunRecord): Promise<boolean>;

  /** Null: no such run. */
  abstract update(runId: RunId, changes: RunChanges): Promise<RunRecord | null>;

  /** Keeps the first answer; a later one under the same key changes nothing. */
  abstract recordRequest(userId: string, threadId: ThreadId | null, request: RecordedRequest): Promise<void>;

  abstract recordEvent(runId: RunId, eventId: string, seq: number): Promise<void>;
}
