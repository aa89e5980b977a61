import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { DrainStep } from '../startup/index.js';
import { ClusterMember } from './cluster/cluster-member.js';
import { RunEngine } from './run-engine.js';

/** Of the budget, how long runs may go on; in the rest, agents that were told to stop wind up. */
const WORKING_SHARE = 0.9;

/** Lets runs finish before the process ends. */
@Injectable()
export class FinishRuns extends DrainStep {
  override readonly name = 'finish runs';
  override readonly stage = 'finish';

  constructor(
    private readonly engine: RunEngine,
    private readonly member: ClusterMember,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async run(signal: AbortSignal, budgetMs: number): Promise<void> {
    const controller = new AbortController();
    const timer = this.clock.after(budgetMs * WORKING_SHARE, () => controller.abort());
    try {
      await this.member.pause();
      await this.engine.drain(AbortSignal.any([signal, controller.signal]));
    } finally {
      timer.cancel();
      await this.member.leave();
    }
  }
}
