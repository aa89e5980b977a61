import type { ThreadId } from '../ids/index.js';
import type { DetachReason } from '../protocol/index.js';

/**
 * `placed`: has its place in the channel, sends nothing yet. `replaying`, `behind`: reads the log itself.
 * `live`: is handed what the channel hears. `closed`: for ever.
 */
export type AttachmentState = 'placed' | 'replaying' | 'live' | 'behind' | 'closed';

/**
 * Why a following ended: by its client (`released`, or `switched` away from it, or `repositioned`: begun anew at another
 * cursor), with its connection, or by the server.
 */
export type FollowingEnd = 'released' | 'switched' | 'repositioned' | 'connection_closed' | DetachReason;

/** One following, as whoever looks into the server sees it: positions and times, never content. Times are Unix ms. */
export interface FollowingView {
  readonly threadId: ThreadId;
  readonly epoch: string;
  /** `stream_…` for an event stream over HTTP. */
  readonly connectionId: string;
  readonly userId: string;
  readonly state: AttachmentState;
  readonly stateSince: number;
  /** It reads on when the connection takes more. */
  readonly waitsForConnection: boolean;
  readonly openedAt: number;
  /** What comes after this seq is sent. */
  readonly from: number;
  /** The client has named that position: it says that it has seen what is up to it. Else it was the head. */
  readonly resumed: boolean;
  /** The last seq that was handed to the connection. */
  readonly position: number;
  /** Up to here all has certainly left this process. */
  readonly flushedThrough: number;
  /** When the connection has flushed something last. */
  readonly flushedAt: number | null;
  /** What its client has acknowledged in this following, and when; null: nothing. */
  readonly acknowledged: number | null;
  readonly acknowledgedAt: number | null;
  readonly closedAt: number | null;
  readonly closedBy: FollowingEnd | null;
}
