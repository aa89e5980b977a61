import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import type { ExecutionView } from '../../agents/index.js';
import { Clock, type Timer } from '../../clock/index.js';
import { Bus, type Answers } from '../../cluster/index.js';
import type {
  ChannelView,
  ConnectionQuery,
  ConnectionRecord,
  ConnectionView,
  FollowersView,
  FollowingsView,
  ViewPage,
} from '../../delivery/index.js';
import type { ConnectionId, RunId, ThreadId } from '../../ids/index.js';
import type { JsonValue } from '../../protocol/index.js';
import { LocalNodeView } from './local-node-view.js';
import { NodeView, Nodes, type NodeDelivery } from './node-view.js';
import { fitting } from './fitting-followings.js';

const QUESTION = 'debug';
const LOOK_MS = 5_000;
const KEPT_MS = 86_400_000;

/** What a node can be asked: the methods of `NodeView`. */
const METHODS = ['connections', 'connection', 'followers', 'followings', 'runs', 'channels', 'delivery'] as const;
type Method = (typeof METHODS)[number];

interface Question {
  readonly from: string;
  readonly method: Method;
  readonly args: readonly JsonValue[];
}

/** The nodes of a cluster, over the bus. */
@Injectable()
export class ClusterNodes extends Nodes implements OnModuleDestroy {
  /** When each node but this one was seen last, monotonic. */
  readonly #seenAt = new Map<string, number>();
  readonly #timer: Timer | null;
  readonly #stopAnswering: () => void;

  constructor(
    private readonly local: LocalNodeView,
    private readonly bus: Bus,
    private readonly clock: Clock,
  ) {
    super();
    this.#timer = bus.isShared ? clock.every(LOOK_MS, () => this.#look()) : null;
    this.#stopAnswering = bus.answer(QUESTION, (question) => this.#answer(question as unknown as Question));
  }

  onModuleDestroy(): void {
    this.#timer?.cancel();
    this.#stopAnswering();
  }

  override all(goneWithinMs: number): readonly NodeView[] {
    this.#look();
    const oldest = this.clock.monotonic() - goneWithinMs;
    const others = [...this.#seenAt].filter(([, seenAt]) => seenAt >= oldest);
    const round = new Round(this.bus);
    return [this.local, ...others.map(([nodeId]) => new RemoteNodeView(nodeId, round))];
  }

  #look(): void {
    const now = this.clock.monotonic();
    for (const { nodeId } of this.bus.nodes()) if (nodeId !== this.bus.nodeId) this.#seenAt.set(nodeId, now);
    for (const [nodeId, seenAt] of this.#seenAt) if (seenAt < now - KEPT_MS) this.#seenAt.delete(nodeId);
  }

  async #answer({ from, method, args }: Question): Promise<JsonValue> {
    if (from === this.bus.nodeId) return null;
    if (!METHODS.includes(method)) throw new Error(`A node cannot be asked for ${method}.`);
    if (method === 'followings') {
      const [threadId, userId] = args as [ThreadId, string];
      return fitting(await this.local.followings(threadId, userId)) as unknown as JsonValue;
    }
    const local = this.local as unknown as Record<Method, (...values: readonly JsonValue[]) => Promise<JsonValue>>;
    return local[method](...args);
  }
}

/** What all views are asked alike goes to the nodes as one question. */
class Round {
  readonly #asked = new Map<string, Promise<Answers>>();

  constructor(private readonly bus: Bus) {}

  async ask(nodeId: string, method: Method, args: readonly unknown[]): Promise<unknown> {
    const key = JSON.stringify([method, args]);
    const asked = this.#asked.get(key) ?? this.#put({ from: this.bus.nodeId, method, args: args as JsonValue[] });
    this.#asked.set(key, asked);
    const answer = (await asked).answers.get(nodeId);
    if (answer === undefined) throw new Error('it is gone, or its answer did not come in time');
    return answer;
  }

  #put(question: Question): Promise<Answers> {
    return this.bus.ask(QUESTION, question as unknown as JsonValue);
  }
}

/** Another node. */
class RemoteNodeView extends NodeView {
  constructor(
    override readonly node: string,
    private readonly round: Round,
  ) {
    super();
  }

  override connections(query: ConnectionQuery): Promise<readonly ConnectionView[]> {
    return this.#ask('connections', query);
  }

  override connection(connectionId: ConnectionId): Promise<ConnectionRecord | null> {
    return this.#ask('connection', connectionId);
  }

  override followers(threadId: ThreadId, page: ViewPage): Promise<FollowersView> {
    return this.#ask('followers', threadId, page);
  }

  override followings(threadId: ThreadId, userId: string): Promise<FollowingsView> {
    return this.#ask('followings', threadId, userId);
  }

  override runs(runIds: readonly RunId[]): Promise<readonly ExecutionView[]> {
    return this.#ask('runs', runIds);
  }

  override channels(page: ViewPage): Promise<readonly ChannelView[]> {
    return this.#ask('channels', page);
  }

  override delivery(limit: number): Promise<NodeDelivery> {
    return this.#ask('delivery', limit);
  }

  async #ask<T>(method: Method, ...args: readonly unknown[]): Promise<T> {
    return (await this.round.ask(this.node, method, args)) as T;
  }
}
