import { Injectable } from '@nestjs/common';

import { DrainStep } from '../startup/index.js';
import { RunEngine } from './run-engine.js';

/** Lets runs finish before the process ends. */
@Injectable()
export class FinishRuns extends DrainStep {
  override readonly name = 'finish runs';
  override readonly stage = 'finish';

  constructor(private readonly engine: RunEngine) {
    super();
  }

  override run(signal: AbortSignal): Promise<void> {
    return this.engine.drain(signal);
  }
}
