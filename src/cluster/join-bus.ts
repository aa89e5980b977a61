import { Injectable } from '@nestjs/common';

import { StartupTask } from '../startup/index.js';
import { Bus } from './bus.js';
import { ClusterSockets } from './cluster-sockets.js';

/** Joins the other nodes. A node that starts while the bus is away is ready all the same: nothing depends on it but speed. */
@Injectable()
export class JoinBus extends StartupTask {
  override readonly name = 'bus';
  override readonly after = ['storage'];

  constructor(
    private readonly bus: Bus,
    private readonly sockets: ClusterSockets,
  ) {
    super();
  }

  override async run(): Promise<void> {
    await Promise.all([this.bus.join(), this.sockets.join()]);
  }
}
