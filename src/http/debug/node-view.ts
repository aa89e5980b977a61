import type { ExecutionView } from '../../agents/index.js';
import type {
  ChannelView,
  ConnectionQuery,
  ConnectionRecord,
  ConnectionView,
  FollowersView,
  FollowingsView,
  FollowingView,
  Lag,
  ViewPage,
} from '../../delivery/index.js';
import type { ConnectionId, RunId, ThreadId } from '../../ids/index.js';

/** Delivery of one node. */
export interface NodeDelivery {
  /** Unix ms. */
  readonly startedAt: number;
  /** Counters and gauges of delivery, as in `/metrics`. */
  readonly totals: Readonly<Record<string, number>>;
  /** Followings that are behind, the longest first; as many as were asked for. */
  readonly behind: readonly FollowingView[];
  readonly behindTotal: number;
  /** What should have been handed over by now and was not; null: nothing. */
  readonly lag: Lag | null;
  /** Ended followings that are remembered, and since when all are. */
  readonly ended: { readonly kept: number; readonly knownSince: number };
}

/**
 * What one node knows of the moment: its connections, followings and runs. What is durable is not asked here: it is
 * the same for all nodes.
 *
 * Questions and answers are plain JSON, so that another node can be asked. A method rejects when its node does not
 * answer in time. Nothing in an answer is content.
 */
export abstract class NodeView {
  /** The node's name. */
  abstract readonly node: string;

  /** Open connections that fit, in the order of their ids. */
  abstract connections(query: ConnectionQuery): Promise<readonly ConnectionView[]>;

  /** Open, or closed and remembered for what it followed. Null: not known there. */
  abstract connection(connectionId: ConnectionId): Promise<ConnectionRecord | null>;

  /** Who follows a thread there. */
  abstract followers(threadId: ThreadId, page: ViewPage): Promise<FollowersView>;

  /** The followings of a user on a thread, present ones and ended ones that are remembered. */
  abstract followings(threadId: ThreadId, userId: string): Promise<FollowingsView>;

  /** Those of these runs that the node has in hand. */
  abstract runs(runIds: readonly RunId[]): Promise<readonly ExecutionView[]>;

  /** Threads that are followed there, in the order of their ids. */
  abstract channels(page: ViewPage): Promise<readonly ChannelView[]>;

  abstract delivery(limit: number): Promise<NodeDelivery>;
}

/** The nodes there are, this one first. */
export abstract class Nodes {
  /**
   * One that was there so recently and is gone, in ms, is among them, as one that does not answer: what it knew is missing in
   * what the others say.
   */
  abstract all(goneWithinMs: number): readonly NodeView[];
}
