import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { Metrics } from '../metrics/index.js';
import { Storage } from '../storage/index.js';
import { ThreadsService } from '../threads/index.js';
import { Channels } from './channels.js';
import { Follower, type FollowerServices } from './follower.js';
import type { Sink } from './sink.js';

/** Makes followers; each belongs to one connection or stream, which closes it. */
@Injectable()
export class Followers {
  readonly #services: FollowerServices;

  constructor(channels: Channels, threads: ThreadsService, storage: Storage, clock: Clock, metrics: Metrics) {
    this.#services = { channels, threads, storage, clock, metrics };
  }

  create(sink: Sink, maxThreads: number): Follower {
    return new Follower(sink, maxThreads, this.#services);
  }
}
