import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import type { ThreadId } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import { FollowingRecords, type EndedFollowing } from './following-records.js';
import type { FollowingView } from './following-view.js';

/** How much is kept of followings that have ended. */
@Injectable()
export class HistoryBounds {
  keptMs = 86_400_000;
  maxKept = 1_000_000;
  /** Of all that is kept, by estimate; long names reach it first. */
  maxBytes = 268_435_456;
  /** Shown of one user on one thread, the newest ones. */
  maxShown = 50_000;
}

/** What is remembered of the followings of a thread. */
export interface RememberedFollowings {
  /** In the order in which they ended. */
  readonly followings: readonly FollowingView[];
  /** Unix ms. What has ended after this moment is among them. */
  readonly knownSince: number;
}

/** Of those that have grown old, as many are forgotten at a time: nobody waits for a million of them. */
const FORGOTTEN_AT_ONCE = 1_000;

/**
 * Followings that have ended in this process, in memory, for explaining later what reached whom. Past its bounds the
 * oldest ones are forgotten, which is counted and moves `knownSince`.
 */
@Injectable()
export class FollowingHistory {
  readonly #records = new FollowingRecords();
  #knownSince: number;

  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly bounds: HistoryBounds,
  ) {
    this.#knownSince = clock.now();
  }

  /** Unix ms. Every following of this node that has ended after this moment is kept here. */
  get knownSince(): number {
    this.#forget();
    return this.#knownSince;
  }

  get size(): number {
    return this.#records.size;
  }

  add(following: EndedFollowing): void {
    this.#records.add(following);
    this.#forget();
    this.#count();
  }

  /** The followings of a thread that have ended; `userId`: of this user alone. */
  ofThread(threadId: ThreadId, userId?: string): RememberedFollowings {
    this.#forget();
    const followings: FollowingView[] = [];
    for (const record of this.#records.ofThread(threadId, userId)) {
      const closedAt = this.#records.closedAt(record);
      if (closedAt < this.#oldest) break;
      if (followings.length === this.bounds.maxShown) {
        return { followings: followings.reverse(), knownSince: Math.max(this.#knownSince, closedAt) };
      }
      followings.push(this.#records.view(record));
    }
    return { followings: followings.reverse(), knownSince: this.#knownSince };
  }

  /** The last ones of a connection, at most so many, in the order in which they ended. */
  ofConnection(connectionId: string, most: number): readonly FollowingView[] {
    this.#forget();
    const followings: FollowingView[] = [];
    for (const record of this.#records.ofConnection(connectionId)) {
      if (followings.length === most || this.#records.closedAt(record) < this.#oldest) break;
      followings.push(this.#records.view(record));
    }
    return followings.reverse();
  }

  get #oldest(): number {
    return this.clock.now() - this.bounds.keptMs;
  }

  #forget(): void {
    const forgotten = { old: 0, full: 0 };
    const { maxKept, maxBytes } = this.bounds;
    for (let times = 0; times < FORGOTTEN_AT_ONCE; times += 1) {
      const { oldest, size, bytes } = this.#records;
      if (oldest === null) break;
      const old = oldest < this.#oldest;
      if (!old && size <= maxKept && bytes <= maxBytes) break;
      this.#records.dropOldest();
      this.#knownSince = Math.max(this.#knownSince, oldest);
      forgotten[old ? 'old' : 'full'] += 1;
    }
    for (const reason of ['old', 'full'] as const) {
      const count = forgotten[reason];
      if (count > 0) this.metrics.add('threadcast_delivery_followings_forgotten_total', { reason }, count);
    }
    if (forgotten.old + forgotten.full > 0) this.#count();
  }

  #count(): void {
    this.metrics.set('threadcast_delivery_followings_kept', {}, this.#records.size);
  }
}
