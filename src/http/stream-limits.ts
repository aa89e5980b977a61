import { Injectable } from '@nestjs/common';

import { ThreadcastError } from '../errors/index.js';
import { Metrics } from '../metrics/index.js';
import { HttpOptions } from './http-options.js';

const RETRY_AFTER_MS = 5_000;

/** How many event streams are open or about to be: in all and of each user. */
@Injectable()
export class StreamLimits {
  readonly #perUser = new Map<string, number>();
  #open = 0;

  constructor(
    private readonly options: HttpOptions,
    private readonly metrics: Metrics,
  ) {}

  /** One more; gives back what takes it away again, once. Throws `too_many_connections`. */
  enter(userId: string): () => void {
    const { maxStreams, maxStreamsPerUser } = this.options;
    const ofUser = this.#perUser.get(userId) ?? 0;
    if (ofUser >= maxStreamsPerUser) throw tooMany(`At most ${maxStreamsPerUser} event streams per user.`);
    if (this.#open >= maxStreams) throw tooMany(`At most ${maxStreams} event streams here.`);
    this.#perUser.set(userId, ofUser + 1);
    this.#count(1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#leave(userId);
    };
  }

  #leave(userId: string): void {
    const ofUser = (this.#perUser.get(userId) ?? 0) - 1;
    if (ofUser > 0) this.#perUser.set(userId, ofUser);
    else this.#perUser.delete(userId);
    this.#count(-1);
  }

  #count(by: number): void {
    this.#open += by;
    this.metrics.move('threadcast_http_streams', {}, by);
  }
}

function tooMany(message: string): ThreadcastError {
  return new ThreadcastError('too_many_connections', { message, retryAfterMs: RETRY_AFTER_MS });
}
