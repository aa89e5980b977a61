import type { ConnectionId, ThreadId } from '../ids/index.js';
import type { Role } from '../identity/index.js';
import type { FollowingView } from './following-view.js';

/** An open connection, as whoever looks into the server sees it: states, counts and times, never content. */
export interface ConnectionView {
  readonly connectionId: ConnectionId;
  readonly state: 'accepted' | 'authenticated' | 'ready';
  /** Null until it has authenticated. */
  readonly userId: string | null;
  readonly roles: readonly Role[];
  /** `websocket` or `polling`. */
  readonly transport: string;
  readonly frames: 'single' | 'batch';
  /** Unix ms, as all times; null: not yet. */
  readonly acceptedAt: number;
  readonly authenticatedAt: number | null;
  readonly readyAt: number | null;
  /** Null also for a token that does not expire. */
  readonly tokenExpiresAt: number | null;
  readonly activeThreadId: ThreadId | null;
  readonly followedThreads: number;
  /** Handed to the transport and not flushed. */
  readonly unsentBytes: number;
  /** When something was flushed last. */
  readonly flushedAt: number | null;
  readonly requests: {
    /** Waiting for their turn, or for the connection to become ready. */
    readonly held: number;
    /** Being processed. */
    readonly inHand: number;
    /** How long the oldest of both has been here; null: there is none. */
    readonly oldestMs: number | null;
  };
}

/** A thread that a connection follows, and why. */
export interface FollowedThreadView extends FollowingView {
  readonly active: boolean;
  readonly subscribed: boolean;
}

export interface ConnectionDetails extends ConnectionView {
  readonly threads: readonly FollowedThreadView[];
}

/** A connection with the followings that it has, and the last ones that it had. */
export type ConnectionRecord = (
  ConnectionDetails | { readonly connectionId: ConnectionId; readonly state: 'closed'; readonly userId: string }
) & { readonly ended: readonly FollowingView[] };

export interface ConnectionQuery {
  readonly userId?: string;
  readonly threadId?: ThreadId;
  readonly state?: ConnectionView['state'];
  /** Ids above this one. */
  readonly after?: string;
  readonly limit: number;
}

/** Shows the open connections of this process. Whoever has connections is one; it is found by discovery. */
export abstract class ConnectionViews {
  /** Those that fit, in the order of their ids. */
  abstract page(query: ConnectionQuery): readonly ConnectionView[];

  /** Null: not open here. */
  abstract find(connectionId: ConnectionId): ConnectionDetails | null;
}
