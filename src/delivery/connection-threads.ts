import { Injectable } from '@nestjs/common';

import { isThreadId, type ThreadId } from '../ids/index.js';
import { KnownRuns, type AskedRun } from '../threads/index.js';
import { Channels } from './channels.js';

/** Scenario: somebody gives a thread's id where a run's is asked for. It is known while that thread is followed here. */
@Injectable()
export class ConnectionThreads extends KnownRuns {
  override readonly name = 'connection';

  constructor(private readonly channels: Channels) {
    super();
  }

  override threadOf({ received }: AskedRun): ThreadId | null {
    return isThreadId(received) && this.channels.isFollowed(received) ? received : null;
  }
}
