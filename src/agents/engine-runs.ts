import { Injectable } from '@nestjs/common';

import type { ThreadId } from '../ids/index.js';
import { KnownRuns, type AskedRun } from '../threads/index.js';
import { RunEngine } from './run-engine.js';

/** The runs that this process has in hand, waiting or under way. */
@Injectable()
export class EngineRuns extends KnownRuns {
  override readonly name = 'engine';

  constructor(private readonly engine: RunEngine) {
    super();
  }

  override threadOf({ parsed }: AskedRun): ThreadId | null {
    return parsed === null ? null : this.engine.threadOf(parsed.runId);
  }
}
