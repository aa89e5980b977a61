import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import type { RunPlace } from '../storage/index.js';
import { AgentsOptions } from './agents-options.js';
import { RunScheduler } from './run-scheduler.js';
import { TurnsMaker, type RunTurns } from './run-turns.js';

/** For a process that is alone. */
@Injectable()
export class ProcessTurns extends TurnsMaker {
  constructor(
    private readonly options: AgentsOptions,
    private readonly clock: Clock,
  ) {
    super();
  }

  override make(begin: (run: RunPlace) => void): RunTurns {
    return new RunScheduler(this.options, begin, (fire) => this.clock.soon(fire));
  }
}
