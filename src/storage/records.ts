import type { RunId, ThreadId } from '../ids/index.js';
import type { ActivityType, JsonObject, JsonValue, RunPolicy, RunStatus, ThreadEventType } from '../protocol/index.js';

/** A thread as stored. `head`: the last seq of its log, 0 when that is empty. Times are Unix ms. */
export interface ThreadRecord {
  readonly threadId: ThreadId;
  readonly epoch: string;
  readonly ownerId: string;
  readonly title: string | null;
  readonly metadata: JsonObject;
  /** User ids beside the owner, in the order they were added. */
  readonly members: readonly string[];
  readonly head: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewThread {
  readonly threadId: ThreadId;
  readonly epoch: string;
  readonly ownerId: string;
  readonly title: string | null;
  readonly metadata: JsonObject;
  readonly createdAt: number;
}

export type ThreadRole = 'owner' | 'member';

/** How far a user has acknowledged, and when that was said last. */
export interface UserCursor {
  readonly userId: string;
  readonly seq: number;
  readonly time: number;
}

/** The event that took a member's access away. */
export interface Removal {
  readonly seq: number;
  readonly time: number;
}

/** The end of a log and the mark of that log, read at one moment. */
export interface LogHead {
  readonly head: number;
  readonly epoch: string;
}

/** What a user may do in a thread, and its log's end at the same moment. */
export interface ThreadAccess extends LogHead {
  readonly role: ThreadRole;
}

/** An event before it has a seq. `data` is JSON text and is stored and sent byte for byte. */
export interface NewEvent {
  readonly type: ThreadEventType;
  readonly runId: RunId | null;
  readonly agent: string | null;
  /** Unix ms. */
  readonly time: number;
  readonly data: string;
}

export interface StoredEvent extends NewEvent {
  readonly threadId: ThreadId;
  readonly seq: number;
}

/** A request for input that a run has made. */
export interface RunInput {
  readonly requestId: string;
  readonly status: 'open' | 'answered' | 'expired' | 'closed';
  readonly prompt?: string;
  readonly schema?: JsonValue;
  /** As the log tells it: redacted. */
  readonly value?: JsonValue;
  /** Of the answer as given, to know the same one again. */
  readonly answerHash?: string;
  /** The answer as given, where the log tells it differently; kept until the run has ended. */
  readonly given?: JsonValue;
  /** The requestId was chosen by who asks, and means this request in every attempt. */
  readonly named?: boolean;
  /** Of the run: the last one that asked for it. */
  readonly attempt: number;
  readonly requestedAt: number;
  readonly answeredAt?: number;
}

export interface RunRecord {
  readonly runId: RunId;
  readonly threadId: ThreadId;
  readonly agent: string;
  /** Who started it. */
  readonly userId: string;
  readonly status: RunStatus;
  /** 0 while queued; +1 each time an executor takes it up. Fences the events of an earlier attempt. */
  readonly attempt: number;
  readonly policy: RunPolicy;
  /** Executed by another process, which appends its events over HTTP. */
  readonly external: boolean;
  /** Place among the queued runs of its thread: lowest first. */
  readonly position: number;
  readonly input: JsonValue;
  readonly messageId: string | null;
  /** The connection that asked for it followed the thread before it began. */
  readonly associated: boolean;
  /** How long its start waited for that, in ms: until it was so, or was given up. */
  readonly associationMs: number;
  readonly inputs: readonly RunInput[];
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** The code of its `agent_error`, the reason of its `agent_cancelled`, or null. */
  readonly endReason: string | null;
  /** Its thread was deleted. The thread's id may have been made again since: that is another log, not this run's. */
  readonly orphaned: boolean;
  /**
   * The node whose it is: which executes it, watches it, or is about to begin it while it is queued. Of an ended run, whose it
   * was. Null: nobody's, as every run is in a storage for one process.
   */
  readonly node: string | null;
}

/** A run without its content: who runs it, and where it stands. Small, however large its input is. */
export type RunPlace = Pick<
  RunRecord,
  'runId' | 'threadId' | 'agent' | 'userId' | 'status' | 'attempt' | 'policy' | 'external' | 'position' | 'node'
>;

export type RunChanges = Partial<
  Pick<RunRecord, 'status' | 'attempt' | 'associated' | 'inputs' | 'startedAt' | 'endedAt' | 'endReason' | 'node'>
>;

/** What fences a run's events: who may append for it now. */
export interface RunFence {
  readonly status: RunStatus;
  readonly attempt: number;
}

/** The first answer to a request with a `messageId`, kept so that a repeated one gets the same. */
export interface RecordedRequest {
  readonly threadId: ThreadId;
  readonly runId: RunId;
  readonly messageId: string;
  /** Of its message; null for a start without one. */
  readonly seq: number | null;
}

/** What became of a notice. */
export type NoticeOutcome =
  /** The user has acknowledged the event, or a later one. */
  | 'acknowledged'
  /** A connection of the user that follows the thread has shown that the event came to it. */
  | 'received'
  /** A connection of the user that follows other threads has shown that `thread_activity` came to it. */
  | 'told'
  /** The offline notifier took it. */
  | 'notified'
  /** Nobody was there, and there is no offline notifier. */
  | 'unnotified'
  /** The offline notifier wants to hear no more of it. */
  | 'refused'
  /** The offline notifier failed for too long. */
  | 'given_up'
  /** The user may not read the thread any more, and was told nothing. */
  | 'no_access';

export interface NewNotice {
  readonly threadId: ThreadId;
  readonly seq: number;
  readonly runId: RunId;
  /** Who has to be told. */
  readonly userId: string;
  readonly type: ActivityType;
  /** Of the event. */
  readonly time: number;
}

/** A notice of one log: its epoch, with the seq, names the event for ever. */
export interface Notice extends NewNotice {
  readonly epoch: string;
}

/** `outcome` null: it is owed. */
export interface NoticeRecord extends Notice {
  /** The node that brings it, or has; see `NotificationStore.claim`. Null: nobody in particular. */
  readonly node: string | null;
  readonly outcome: NoticeOutcome | null;
  readonly settledAt: number | null;
}
