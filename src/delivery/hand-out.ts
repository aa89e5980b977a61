import { Injectable } from '@nestjs/common';

import { DrainStep } from '../startup/index.js';
import { Channels } from './channels.js';

/**
 * What busy threads have gathered goes out before connections are closed. Scenario: the last run ends right behind its
 * last words; nothing is left to wait for, and its end would be gathered still when the first connection is closed.
 */
@Injectable()
export class HandOut extends DrainStep {
  override readonly name = 'hand out events';
  override readonly stage = 'flush';

  constructor(private readonly channels: Channels) {
    super();
  }

  override run(): Promise<void> {
    for (const channel of this.channels.all()) channel.flush();
    return Promise.resolve();
  }
}
