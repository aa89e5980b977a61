import { Injectable } from '@nestjs/common';

import { DrainStep, StartupTask, type DrainStage } from '../../startup/index.js';
import { NoticeCourier } from './notice-courier.js';

/** What the last process owed is taken up a while after the start: its users' connections come back first. */
@Injectable()
export class TakeUpNotices extends StartupTask {
  override readonly name = 'take up notices';
  override readonly after = ['storage'];

  constructor(private readonly courier: NoticeCourier) {
    super();
  }

  override run(): Promise<void> {
    this.courier.begin();
    return Promise.resolve();
  }
}

/** Before connections are closed: that they leave says nothing of whether somebody is there. */
@Injectable()
export class RestNotices extends DrainStep {
  override readonly name = 'notices';
  override readonly stage: DrainStage = 'announce';

  constructor(private readonly courier: NoticeCourier) {
    super();
  }

  override run(): Promise<void> {
    this.courier.rest();
    return Promise.resolve();
  }
}
