import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { IdGenerator } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import { Storage } from '../storage/index.js';
import { AppendPipeline, EventFactory, RunRegistry } from '../threads/index.js';
import { Tracing } from '../traces/index.js';
import { AgentsOptions } from './agents-options.js';

/** What every execution of a run needs. Of the storage it only reads. */
@Injectable()
export class ExecutionTools {
  constructor(
    readonly pipeline: AppendPipeline,
    readonly events: EventFactory,
    readonly registry: RunRegistry,
    readonly storage: Storage,
    readonly clock: Clock,
    readonly ids: IdGenerator,
    readonly metrics: Metrics,
    readonly tracing: Tracing,
    readonly options: AgentsOptions,
  ) {}
}
