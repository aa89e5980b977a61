import type { ThreadId } from '../../ids/index.js';
import type { ServerEvents } from '../../protocol/index.js';

/** A connection that is ready, as far as somebody is there at its other end. */
export abstract class PresentConnection {
  abstract readonly userId: string;

  /** The last seq of this thread that was handed over to it, or behind which it follows. Null: it does not follow. */
  abstract positionIn(threadId: ThreadId): number | null;

  /** False: too much is unsent on it; it was told nothing. */
  abstract tell(activity: ServerEvents['thread_activity']): boolean;
}
