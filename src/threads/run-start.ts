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
  /** The association was in place when this was committed. */
  readonly associated: boolean;
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
