import { Injectable } from '@nestjs/common';

import { Clock } from '../../clock/index.js';
import { Metrics } from '../../metrics/index.js';
import type { Notice } from '../../storage/index.js';
import { DeliveryOptions } from '../delivery-options.js';
import { Presence, type Reach, type Receipt } from './presence.js';
import type { PresentConnection } from './present-connection.js';
import { ReceiptWatch } from './receipt-watch.js';

/** Of more users it is not remembered that they left just now: they are away at once. */
const MAX_REMEMBERED = 10_000;

/** The users whose connections are in this process. Connections come, go, and show their heartbeats. */
@Injectable()
export class LocalPresence extends Presence {
  readonly #connections = new Map<string, Set<PresentConnection>>();
  readonly #watches = new Map<PresentConnection, Set<ReceiptWatch>>();

  /** When the last connection of a user left, of those who have none and may come back; first who left first. */
  readonly #leftAt = new Map<string, number>();

  constructor(
    private readonly options: DeliveryOptions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {
    super();
  }

  arrived(connection: PresentConnection): void {
    this.#leftAt.delete(connection.userId);
    const present = this.#connections.get(connection.userId);
    if (present === undefined) this.#connections.set(connection.userId, new Set([connection]));
    else present.add(connection);
  }

  left(connection: PresentConnection): void {
    const present = this.#connections.get(connection.userId);
    present?.delete(connection);
    if (present?.size === 0) {
      this.#connections.delete(connection.userId);
      this.#remember(connection.userId);
    }
    for (const watch of this.#watchesOf(connection)) watch.left(connection);
  }

  /** To be called when it is put behind what was sent so far. */
  heartbeatSent(connection: PresentConnection): void {
    for (const watch of this.#watchesOf(connection)) watch.heartbeatSent(connection);
  }

  heartbeatAnswered(connection: PresentConnection): void {
    for (const watch of this.#watchesOf(connection)) watch.heartbeatAnswered(connection);
  }

  /** As `reach`, as far as connections follow the thread; where none does, null, and nobody is told. */
  reachFollowers(notice: Notice, watch: boolean): Reach | null {
    const connections = [...(this.#connections.get(notice.userId) ?? [])];
    const followers = connections.filter((connection) => connection.positionIn(notice.threadId) !== null);
    return followers.length === 0 ? null : this.#reached(notice, 'followed', followers, watch);
  }

  /** Whether the user is here now, and, if not, how long ago the last connection left. */
  lookAt(userId: string): { readonly isThere: boolean; readonly goneForMs: number | null } {
    return { isThere: this.#connections.has(userId), goneForMs: this.#goneForMs(userId) };
  }

  override reach(notice: Notice, watch: boolean): Promise<Reach> {
    const followed = this.reachFollowers(notice, watch);
    if (followed !== null) return Promise.resolve(followed);
    const { threadId, runId, type, seq } = notice;
    const connections = [...(this.#connections.get(notice.userId) ?? [])];
    const told = connections.filter((connection) => connection.tell({ threadId, runId, type, seq }));
    this.metrics.add('threadcast_delivery_activity_total', { outcome: 'told' }, told.length);
    this.metrics.add('threadcast_delivery_activity_total', { outcome: 'full' }, connections.length - told.length);
    if (told.length > 0) return Promise.resolve(this.#reached(notice, 'told', told, watch));
    const goneForMs = this.#goneForMs(notice.userId);
    return Promise.resolve({ way: 'nobody', receipt: Promise.resolve('gone'), goneForMs });
  }

  override here(userIds: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set([...userIds].filter((userId) => this.#connections.has(userId))));
  }

  #remember(userId: string): void {
    const now = this.clock.now();
    this.#leftAt.set(userId, now);
    for (const [first, leftAt] of this.#leftAt) {
      if (now - leftAt < this.options.returnMs && this.#leftAt.size <= MAX_REMEMBERED) return;
      this.#leftAt.delete(first);
    }
  }

  #goneForMs(userId: string): number | null {
    const leftAt = this.#leftAt.get(userId);
    return leftAt === undefined ? null : this.clock.now() - leftAt;
  }

  #reached(notice: Notice, way: 'followed' | 'told', connections: readonly PresentConnection[], watch: boolean): Reach {
    return { way, receipt: watch ? this.#watch(notice, way, connections) : null, goneForMs: null };
  }

  #watch(notice: Notice, way: 'followed' | 'told', connections: readonly PresentConnection[]): Promise<Receipt> {
    const watch = new ReceiptWatch(notice, way, connections, (connection) => this.#release(connection, watch));
    for (const connection of connections) {
      const watches = this.#watches.get(connection);
      if (watches === undefined) this.#watches.set(connection, new Set([watch]));
      else watches.add(watch);
    }
    return watch.receipt;
  }

  #release(connection: PresentConnection, watch: ReceiptWatch): void {
    const watches = this.#watches.get(connection);
    watches?.delete(watch);
    if (watches?.size === 0) this.#watches.delete(connection);
  }

  #watchesOf(connection: PresentConnection): readonly ReceiptWatch[] {
    return [...(this.#watches.get(connection) ?? [])];
  }
}
