import type { ThreadId } from '../ids/index.js';
import type { DetachReason } from '../protocol/index.js';
import type { Frames } from './frames.js';

/**
 * Where a follower's events go: a connection's outbox, or a stream. It takes without waiting and says when it
 * has had enough; whoever gives must ask first.
 */
export abstract class Sink {
  /** Whose eyes these are; access is judged by it. */
  abstract readonly userId: string;

  /** Names it: a connection's id, or `stream_…` for a stream. */
  abstract readonly connectionId: string;

  /** How much it has been handed in all, and how much of that has left the process, as it counts them. */
  abstract readonly handedOverBytes: number;
  abstract readonly flushedBytes: number;

  /** Unix ms of the last time that something left; null: nothing has. */
  abstract readonly flushedAt: number | null;

  /** Hands frames over, in order. */
  abstract deliver(frames: Frames): void;

  abstract caughtUp(threadId: ThreadId, head: number): void;

  /** The server ended the following. */
  abstract detached(threadId: ThreadId, reason: DetachReason): void;

  /** Whether so many bytes more stay within what may be unsent. */
  abstract hasRoomFor(bytes: number): boolean;

  /**
   * Calls back once, when most of what was unsent has left, or at once if it has. Where several wait, the next is
   * called when what the one before it returned has resolved. It must not throw or reject.
   */
  abstract whenDrained(resume: () => void | Promise<void>): void;
}
