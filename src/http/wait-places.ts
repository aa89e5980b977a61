import { Injectable } from '@nestjs/common';

import { ThreadcastError } from '../errors/index.js';
import { Metrics } from '../metrics/index.js';
import { HttpOptions } from './http-options.js';
import { PlacesPerUser } from './places-per-user.js';

const RETRY_AFTER_MS = 1_000;

/**
 * How many requests may wait for something of a connection, in all and of each user: each keeps its body meanwhile.
 * Beyond that it is `pending_queue_full`.
 */
@Injectable()
export class WaitPlaces extends PlacesPerUser {
  constructor(
    options: HttpOptions,
    private readonly metrics: Metrics,
  ) {
    super(options.maxConnectionWaits, options.maxConnectionWaitsPerUser);
  }

  protected override moved(by: number): void {
    this.metrics.move('threadcast_http_connection_waits', {}, by);
  }

  protected override full(most: number, where: string): ThreadcastError {
    this.metrics.add('threadcast_http_connection_waits_total', { outcome: 'full' });
    const message = `Too many requests wait for a connection: At most ${most} wait ${where}.`;
    return new ThreadcastError('pending_queue_full', { message, retryAfterMs: RETRY_AFTER_MS });
  }
}
