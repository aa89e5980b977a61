import { ThreadcastError } from '../errors/index.js';
import { fullBucket, type TokenBucket } from './full-bucket.js';

/** Users whose rate is remembered; of more, those who asked last. */
const MOST_USERS = 10_000;

/** Requests of one user: so many a second, after a burst of so many. */
export interface UserRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** How fast each user may ask, by all connections and over HTTP together. */
export class UserRates {
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(
    private readonly rate: UserRate,
    private readonly mostUsers = MOST_USERS,
  ) {}

  /** Users who are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Counts one request of this user. Throws `rate_limited`, and has counted nothing then. */
  take(userId: string): void {
    const bucket = this.#of(userId);
    if (bucket.tryRemoveTokens(1)) return;
    throw new ThreadcastError('rate_limited', {
      message: `More than ${this.rate.perSecond} requests a second of one user.`,
      retryAfterMs: Math.max(1, bucket.getWaitTime(1)),
    });
  }

  #of(userId: string): TokenBucket {
    const bucket = this.#buckets.get(userId) ?? fullBucket(this.rate.burst, this.rate.perSecond);
    // Last in the order of the map, whose first one is forgotten first.
    this.#buckets.delete(userId);
    this.#buckets.set(userId, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.mostUsers && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}
