import { Injectable } from '@nestjs/common';

import { RunEngine, type ExecutionView } from '../../agents/index.js';
import { ThisNode } from '../../cluster/index.js';
import {
  ConnectionViews,
  DeliveryViews,
  FollowingHistory,
  type ChannelView,
  type ConnectionQuery,
  type ConnectionRecord,
  type ConnectionView,
  type FollowersView,
  type FollowingsView,
  type ViewPage,
} from '../../delivery/index.js';
import type { ConnectionId, RunId, ThreadId } from '../../ids/index.js';
import { Metrics } from '../../metrics/index.js';
import { Contributions } from '../../startup/index.js';
import { NodeView, Nodes, type NodeDelivery } from './node-view.js';

/** Ended followings that are shown of one connection. */
const MOST_ENDED = 100;

/** This process, from its live state. */
@Injectable()
export class LocalNodeView extends NodeView {
  constructor(
    private readonly thisNode: ThisNode,
    private readonly history: FollowingHistory,
    private readonly views: DeliveryViews,
    private readonly engine: RunEngine,
    private readonly metrics: Metrics,
    private readonly contributions: Contributions,
  ) {
    super();
  }

  override get node(): string {
    return this.thisNode.node;
  }

  override connections(query: ConnectionQuery): Promise<readonly ConnectionView[]> {
    return Promise.resolve(this.#connections().flatMap((views) => views.page(query)));
  }

  override connection(connectionId: ConnectionId): Promise<ConnectionRecord | null> {
    const open = this.#connections().flatMap((views) => views.find(connectionId) ?? [])[0];
    const ended = this.history.ofConnection(connectionId, MOST_ENDED);
    if (open !== undefined) return Promise.resolve({ ...open, ended });
    const last = ended.at(-1);
    if (last === undefined) return Promise.resolve(null);
    return Promise.resolve({ connectionId, state: 'closed', userId: last.userId, ended });
  }

  override followers(threadId: ThreadId, page: ViewPage): Promise<FollowersView> {
    return Promise.resolve(this.views.followers(threadId, page));
  }

  override followings(threadId: ThreadId, userId: string): Promise<FollowingsView> {
    return Promise.resolve(this.views.followings(threadId, userId));
  }

  override runs(runIds: readonly RunId[]): Promise<readonly ExecutionView[]> {
    return Promise.resolve(runIds.flatMap((runId) => this.engine.view(runId) ?? []));
  }

  override channels(page: ViewPage): Promise<readonly ChannelView[]> {
    return Promise.resolve(this.views.page(page));
  }

  override async delivery(limit: number): Promise<NodeDelivery> {
    const totals = await this.metrics.totals('threadcast_delivery_');
    const behind = this.views.behind(limit);
    return {
      startedAt: this.thisNode.startedAt,
      totals,
      behind: behind.followings,
      behindTotal: behind.total,
      lag: this.views.lag(),
      ended: { kept: this.history.size, knownSince: this.history.knownSince },
    };
  }

  #connections(): readonly ConnectionViews[] {
    return this.contributions.of(ConnectionViews);
  }
}

/** Without a cluster this process is all there is. */
@Injectable()
export class SingleNode extends Nodes {
  constructor(private readonly local: LocalNodeView) {
    super();
  }

  override all(): readonly NodeView[] {
    return [this.local];
  }
}
