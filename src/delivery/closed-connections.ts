import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import type { ConnectionId } from '../ids/index.js';

/** How many connections that have closed are remembered, and for how long. */
@Injectable()
export class ClosedConnectionBounds {
  keptMs = 60_000;
  maxKept = 20_000;
  maxPerUser = 200;
}

interface Closed {
  readonly userId: string;
  readonly closedAt: number;
}

/**
 * Whose the connections were that have closed a short while ago, so that a request that names one a moment too late is
 * told apart from one that names what was never its user's. Past its bounds the oldest are forgotten; one user's many
 * take the place of no other's.
 */
@Injectable()
export class ClosedConnections {
  /** In the order in which they closed. */
  readonly #kept = new Map<ConnectionId, Closed>();
  readonly #perUser = new Map<string, Set<ConnectionId>>();

  constructor(
    private readonly clock: Clock,
    private readonly bounds: ClosedConnectionBounds,
  ) {}

  get size(): number {
    return this.#kept.size;
  }

  add(connectionId: ConnectionId, userId: string): void {
    this.#kept.set(connectionId, { userId, closedAt: this.clock.monotonic() });
    const ofUser = this.#perUser.get(userId) ?? new Set();
    this.#perUser.set(userId, ofUser.add(connectionId));
    const [oldest] = ofUser;
    if (ofUser.size > this.bounds.maxPerUser && oldest !== undefined) this.#drop(oldest);
    this.#forget();
  }

  /** It was this user's and has closed a short while ago. */
  has(connectionId: ConnectionId, userId: string): boolean {
    this.#forget();
    return this.#kept.get(connectionId)?.userId === userId;
  }

  #forget(): void {
    const oldest = this.clock.monotonic() - this.bounds.keptMs;
    for (const [connectionId, { closedAt }] of this.#kept) {
      if (closedAt >= oldest && this.#kept.size <= this.bounds.maxKept) break;
      this.#drop(connectionId);
    }
  }

  #drop(connectionId: ConnectionId): void {
    const userId = this.#kept.get(connectionId)?.userId;
    this.#kept.delete(connectionId);
    if (userId === undefined) return;
    const ofUser = this.#perUser.get(userId);
    ofUser?.delete(connectionId);
    if (ofUser?.size === 0) this.#perUser.delete(userId);
  }
}
