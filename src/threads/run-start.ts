import type { RunId, ThreadId } from '../ids/index.js';
import type { JsonObject, JsonValue, RunPolicy } from '../protocol/index.js';
import type { RunRecord } from '../storage/index.js';

/** Which thread a start is for. */
export type StartTarget =
  /** Named by the request. */
  | { readonly kind: 'named'; readonly threadId: ThreadId }
  /** Not named: the connection's active thread. */
  | { readonly kind: 'active'; readonly threadId: ThreadId }
  /** Not named and none active: made with the message and the run, in one step, under this id. */
  | { readonly kind: 'new'; readonly threadId: ThreadId; readonly epoch: string };

/** A message or a bare start, checked in form. */
export interface StartCommand {
  readonly userId: string;
  readonly target: StartTarget;
  /** Makes the start idempotent for (user, thread), and without a named thread for the user. */
  readonly messageId: string | null;
  /** The user's message; null for a start without one. */
  readonly message: { readonly content: string; readonly metadata?: JsonObject } | null;
  readonly agent: string;
  readonly input: JsonValue;
  readonly policy: RunPolicy;
  /** The association is in place, or has its place and is made once this is durable. */
  readonly associated: boolean;
  /** How long it was waited for, in ms. */
  readonly associationMs: number;
  /** Given: another process executes the run, and appends its events. */
  readonly external?: ExternalStart;
}

/** A run that is registered for another process to execute. It begins at once where it has to wait for nobody. */
export interface ExternalStart {
  /** Chosen by who registers it, and of this thread. Null: one is made. */
  readonly runId: RunId | null;
  /** Who registers it may do so on every thread. Where it is not in the thread, the run is the thread's owner's. */
  readonly everyThread: boolean;
}

export interface StartOutcome {
  readonly threadId: ThreadId;
  readonly messageId: string;
  readonly run: RunRecord;
  /** Seq of the message; null for a start without one. */
  readonly seq: number | null;
  /** The same request was taken before; nothing was changed now. */
  readonly duplicate: boolean;
}

/** The first seen start of a repeated request. */
export interface EarlierStart {
  readonly threadId: ThreadId;
  readonly runId: RunId;
}
