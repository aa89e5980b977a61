import type { Clock } from '../clock/index.js';
import type { UserBudgets } from '../cluster/index.js';
import { ThreadcastError } from '../errors/index.js';
import { fullBucket, type TokenBucket } from './full-bucket.js';

/** Users whose rate is remembered; of more, those who asked last. */
const MOST_USERS = 10_000;

/** What a user has spent here is told the other nodes a while after it is so much of a whole burst. */
const TOLD_FROM = 0.01;
const TOLD_AFTER_MS = 50;
/** Users whose spending is told at once. */
const MOST_TOLD = 200;

/** Requests of one user: so many a second, after a burst of so many. */
export interface UserRate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * How fast each user may ask, by all connections and over HTTP together. It decides in the same turn, by a bucket of this
 * node. In a cluster what was spent is taken, a while later, out of a bucket that all nodes share, and the one here is
 * lowered to what is left there: so the rate is that of all nodes together. A burst can come to several nodes before they
 * know of each other; what it was too large by is owed, and paid back by waiting.
 */
export class UserRates {
  readonly #buckets = new Map<string, TokenBucket>();
  /** Spent here and not told. */
  readonly #untold = new Map<string, number>();
  /** Of those, the ones with enough to tell. */
  readonly #due = new Set<string>();
  #isTelling = false;

  constructor(
    private readonly rate: UserRate,
    private readonly budgets: UserBudgets,
    private readonly clock: Clock,
    private readonly mostUsers = MOST_USERS,
  ) {}

  /** Users who are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Counts one request of this user. Throws `rate_limited`, and has counted nothing then. */
  take(userId: string): void {
    const bucket = this.#of(userId);
    if (!bucket.tryRemoveTokens(1)) {
      throw new ThreadcastError('rate_limited', {
        message: `More than ${this.rate.perSecond} requests a second of one user.`,
        retryAfterMs: Math.max(1, bucket.getWaitTime(1)),
      });
    }
    if (this.budgets.isShared) this.#spent(userId);
  }

  #of(userId: string): TokenBucket {
    const bucket = this.#buckets.get(userId) ?? fullBucket(this.rate.burst, this.rate.perSecond);
    // Last in the order of the map, whose first one is forgotten first.
    this.#buckets.delete(userId);
    this.#buckets.set(userId, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.mostUsers && oldest !== undefined) this.#forget(oldest);
    return bucket;
  }

  #forget(userId: string): void {
    this.#buckets.delete(userId);
    this.#untold.delete(userId);
    this.#due.delete(userId);
  }

  #spent(userId: string): void {
    const untold = (this.#untold.get(userId) ?? 0) + 1;
    this.#untold.set(userId, untold);
    if (untold < this.rate.burst * TOLD_FROM) return;
    this.#due.add(userId);
    this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#isTelling || this.#due.size === 0) return;
    this.#isTelling = true;
    this.clock.after(TOLD_AFTER_MS, () => {
      void this.#tell().finally(() => {
        this.#isTelling = false;
        this.#tellSoon();
      });
    });
  }

  async #tell(): Promise<void> {
    const spent = [...this.#due].slice(0, MOST_TOLD).map((userId) => {
      return { userId, tokens: this.#untold.get(userId) ?? 0 };
    });
    for (const { userId } of spent) {
      this.#due.delete(userId);
      this.#untold.delete(userId);
    }
    // What cannot be told is dropped: by the time that it can, it is long paid.
    const left = await this.budgets.spend(spent, this.rate);
    left?.forEach((tokens, index) => this.#lower(spent[index]?.userId ?? '', tokens));
  }

  /** To what all nodes together have left, without what was spent here since it was told. */
  #lower(userId: string, tokens: number): void {
    const bucket = this.#buckets.get(userId);
    if (bucket === undefined) return;
    bucket.drip();
    bucket.content = Math.min(bucket.content, tokens - (this.#untold.get(userId) ?? 0));
  }
}
