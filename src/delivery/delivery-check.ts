import { Injectable } from '@nestjs/common';

import { ReadinessCheck, type ReadinessResult } from '../startup/index.js';
import { DeliveryLag } from './delivery-lag.js';

/** Whether the followings of this process have what their logs have. Without that, everything else goes on. */
@Injectable()
export class DeliveryCheck extends ReadinessCheck {
  override readonly name = 'delivery';
  override readonly required = false;

  constructor(private readonly lag: DeliveryLag) {
    super();
  }

  override check(): Promise<ReadinessResult> {
    return Promise.resolve(this.#judge());
  }

  #judge(): ReadinessResult {
    const lag = this.lag.lag();
    if (lag !== null) {
      const { threads, followings, events, since } = lag;
      const detail = `${followings} followings of ${threads} threads do not get what is in the log: up to ${events} events.`;
      return { status: 'degraded', detail, since };
    }
    const { unknownSince } = this.lag;
    if (unknownSince === null) return { status: 'ok' };
    const detail = 'The heads of the followed logs cannot be read, so what was delivered cannot be compared with them.';
    return { status: 'degraded', detail, since: unknownSince };
  }
}
