import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock, type Timer } from '../clock/index.js';
import { Bus } from '../cluster/index.js';
import { LiveConnections, type LiveConnection } from '../delivery/index.js';
import type { ConnectionId, ThreadId } from '../ids/index.js';
import type { JsonValue } from '../protocol/index.js';
import { IdGenerator } from '../ids/index.js';
import { HttpOptions } from './http-options.js';

const QUESTION = 'connection.wait';
/** How often it is looked whether the node that has the connection is still there. */
const LOOK_MS = 1_000;

/** What is waited for. */
export interface AwaitedFollowing {
  readonly userId: string;
  readonly threadId: ThreadId;
  readonly connectionId: ConnectionId;
}

/**
 * How a connection stands to a thread. `unknown`: it is not this user's, or not there and was not a short while ago.
 * `unreachable`: nobody who could be asked knows it.
 */
export type FollowingState = 'followed' | 'open' | 'disconnected' | 'unknown' | 'unreachable';

interface Question extends AwaitedFollowing {
  readonly from: string;
  /** What becomes of an open one is told under this name. Null: it is not waited for. */
  readonly waitId: string | null;
  readonly waitMs: number;
}

interface Told {
  readonly waitId: string;
  readonly state: FollowingState;
}

/** A connection that has no user yet is waited for: its client knows its id before its token has been looked at. */
export function stateOf(connection: LiveConnection, userId: string, threadId: ThreadId): FollowingState {
  if (connection.userId !== null && connection.userId !== userId) return 'unknown';
  if (connection.isClosed) return 'disconnected';
  return connection.userId === userId && connection.follower.follows(threadId) ? 'followed' : 'open';
}

/**
 * Connections of other nodes, as requests here wait for them, and those of this node, as others do. The node that has the
 * connection says at once how it stands, and says once more when that changes. That word may be lost: whoever waits has a
 * deadline anyway.
 */
@Injectable()
export class RemoteWaits implements OnModuleDestroy {
  readonly #awaited = new Map<string, (state: FollowingState) => void>();
  readonly #stops: readonly (() => void)[];
  #waitingHere = 0;

  constructor(
    private readonly live: LiveConnections,
    private readonly bus: Bus,
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
    private readonly options: HttpOptions,
  ) {
    this.#stops = bus.isShared
      ? [
          bus.answer(QUESTION, (question) => this.#answer(question as unknown as Question)),
          bus.subscribe(topicOf(bus.nodeId), {
            heard: (message) => this.#heard(JSON.parse(message) as Told),
            listening: () => undefined,
          }),
        ]
      : [];
  }

  onModuleDestroy(): void {
    for (const stop of this.#stops) stop();
  }

  /** Where no other node can have it, `unknown`, in the same turn. */
  get isShared(): boolean {
    return this.bus.isShared;
  }

  /** How it stands now, on any node. Never rejects. */
  async look(awaited: AwaitedFollowing): Promise<FollowingState> {
    return (await this.#ask(awaited, null)).state;
  }

  /**
   * Calls `settle` once with what it comes to, and not with `open`. Gives back what ends the wait; it does not end by
   * itself where no word comes.
   */
  watch(awaited: AwaitedFollowing, settle: (state: FollowingState) => void): () => void {
    const waitId = this.ids.token('wait');
    let timer: Timer | null = null;
    const end = (): void => {
      timer?.cancel();
      this.#awaited.delete(waitId);
    };
    this.#awaited.set(waitId, settle);
    void this.#ask(awaited, waitId).then(({ state, nodeId }) => {
      if (state !== 'open') settle(state);
      else if (this.#awaited.has(waitId)) {
        timer = this.clock.every(LOOK_MS, () => {
          if (this.bus.state === 'joined' && !this.bus.nodes().some((node) => node.nodeId === nodeId))
            settle('disconnected');
        });
      }
    });
    return end;
  }

  async #ask(awaited: AwaitedFollowing, waitId: string | null): Promise<{ state: FollowingState; nodeId: string }> {
    const { bus } = this;
    const waitMs = this.options.contextTimeoutMs;
    const { answers, silent } = await bus.ask(QUESTION, { ...awaited, from: bus.nodeId, waitId, waitMs });
    for (const [nodeId, state] of answers) if (state !== 'unknown') return { state: state as FollowingState, nodeId };
    const isPartial = silent.length > 0 || bus.state === 'lost';
    return { state: isPartial ? 'unreachable' : 'unknown', nodeId: bus.nodeId };
  }

  #heard({ waitId, state }: Told): void {
    this.#awaited.get(waitId)?.(state);
  }

  #answer({ from, waitId, waitMs, userId, threadId, connectionId }: Question): JsonValue {
    if (from === this.bus.nodeId) return 'unknown';
    const connection = this.live.find(connectionId);
    if (connection === null) return this.live.hasClosed(connectionId, userId) ? 'disconnected' : 'unknown';
    const state = stateOf(connection, userId, threadId);
    if (state === 'open' && waitId !== null) {
      this.#tellOnce(connection, { userId, threadId, connectionId }, waitMs, (changed) => {
        const told: Told = { waitId, state: changed };
        this.bus.publish(topicOf(from), JSON.stringify(told));
      });
    }
    return state;
  }

  /** Of more than may wait here the change is not told; they wait until their deadline. */
  #tellOnce(
    connection: LiveConnection,
    { userId, threadId, connectionId }: AwaitedFollowing,
    waitMs: number,
    tell: (state: FollowingState) => void,
  ): void {
    if (this.#waitingHere >= this.options.maxConnectionWaits) return;
    this.#waitingHere += 1;
    const end = (): void => {
      this.#waitingHere -= 1;
      timer.cancel();
      stopWatching();
    };
    const timer = this.clock.after(waitMs, end);
    const stopWatching = this.live.watch(connectionId, () => {
      const state = stateOf(connection, userId, threadId);
      if (state === 'open') return;
      end();
      tell(state);
    });
  }
}

function topicOf(nodeId: string): string {
  return `waits.${nodeId}`;
}
