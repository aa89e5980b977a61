import { Injectable } from '@nestjs/common';

import { UserPlaces } from '../cluster/index.js';
import { ThreadcastError } from '../errors/index.js';
import { Metrics } from '../metrics/index.js';
import { HttpOptions } from './http-options.js';

const RETRY_AFTER_MS = 5_000;

/**
 * How many event streams are open or about to be: in this process, and of each user on all nodes. Beyond that it is
 * `too_many_connections`.
 */
@Injectable()
export class StreamLimits {
  #taken = 0;

  constructor(
    private readonly options: HttpOptions,
    private readonly places: UserPlaces,
    private readonly metrics: Metrics,
  ) {}

  /** One more; resolves with what takes it away again, once. */
  async enter(userId: string): Promise<() => void> {
    const { maxStreams, maxStreamsPerUser } = this.options;
    if (this.#taken >= maxStreams) throw full(maxStreams, 'here');
    this.#move(1);
    if (!(await this.places.enter('streams', userId, maxStreamsPerUser))) {
      this.#move(-1);
      throw full(maxStreamsPerUser, 'per user');
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.places.leave('streams', userId);
      this.#move(-1);
    };
  }

  #move(by: number): void {
    this.#taken += by;
    this.metrics.move('threadcast_http_streams', {}, by);
  }
}

function full(most: number, where: string): ThreadcastError {
  const message = `At most ${most} event streams ${where}.`;
  return new ThreadcastError('too_many_connections', { message, retryAfterMs: RETRY_AFTER_MS });
}
