import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { IdGenerator } from '../ids/index.js';

/** This process among the nodes of a cluster; after each start it is another one. */
@Injectable()
export class ThisNode {
  /** `node_` and hex. */
  readonly node: string;
  /** Unix ms. */
  readonly startedAt: number;

  constructor(ids: IdGenerator, clock: Clock) {
    this.node = ids.token('node');
    this.startedAt = clock.now();
  }
}
