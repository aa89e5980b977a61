import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { Log } from '../logs/index.js';
import { Metrics } from '../metrics/index.js';
import { ThreadsService } from '../threads/index.js';
import { Acknowledgements } from './acknowledgements.js';
import { Channels } from './channels.js';
import { FollowingHistory } from './following-history.js';
import { Follower, type FollowerServices } from './follower.js';
import { LogPages } from './log-pages.js';
import type { Sink } from './sink.js';

/** Makes followers; each belongs to one connection or stream, which closes it. */
@Injectable()
export class Followers {
  readonly #services: FollowerServices;

  constructor(
    channels: Channels,
    history: FollowingHistory,
    threads: ThreadsService,
    pages: LogPages,
    clock: Clock,
    metrics: Metrics,
    acknowledgements: Acknowledgements,
  ) {
    this.#services = {
      channels,
      history,
      threads,
      pages,
      clock,
      metrics,
      acknowledgements,
      log: new Log('Following'),
    };
  }

  /** `onFollow` is called with the sink's id whenever it has come to follow a thread, in the turn of the change. */
  create(sink: Sink, maxThreads: number, onFollow: (connectionId: string) => void = () => undefined): Follower {
    return new Follower(sink, maxThreads, this.#services, onFollow);
  }
}
