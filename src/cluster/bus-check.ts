import { Injectable } from '@nestjs/common';

import { ReadinessCheck, type ReadinessResult } from '../startup/index.js';
import { Bus } from './bus.js';

/** Whether this node hears the others at once. Without that it reads what they append from the log. */
@Injectable()
export class BusCheck extends ReadinessCheck {
  override readonly name = 'bus';
  override readonly required = false;

  constructor(private readonly bus: Bus) {
    super();
  }

  override check(): Promise<ReadinessResult> {
    const since = this.bus.lostSince;
    if (since === null) return Promise.resolve({ status: 'ok' });
    const detail = 'Redis does not answer: what other nodes append is read from the log, up to two seconds later.';
    return Promise.resolve({ status: 'degraded', detail, since });
  }
}
