import { Injectable } from '@nestjs/common';

import { ThreadcastError } from '../errors/index.js';
import { Metrics } from '../metrics/index.js';
import { HttpOptions } from './http-options.js';
import { PlacesPerUser } from './places-per-user.js';

const RETRY_AFTER_MS = 5_000;

/** How many event streams are open or about to be, in all and of each user. Beyond that it is `too_many_connections`. */
@Injectable()
export class StreamLimits extends PlacesPerUser {
  constructor(
    options: HttpOptions,
    private readonly metrics: Metrics,
  ) {
    super(options.maxStreams, options.maxStreamsPerUser);
  }

  protected override moved(by: number): void {
    this.metrics.move('threadcast_http_streams', {}, by);
  }

  protected override full(most: number, where: string): ThreadcastError {
    const message = `At most ${most} event streams ${where}.`;
    return new ThreadcastError('too_many_connections', { message, retryAfterMs: RETRY_AFTER_MS });
  }
}
