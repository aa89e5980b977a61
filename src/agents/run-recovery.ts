import { Injectable, Logger } from '@nestjs/common';

import { Metrics } from '../metrics/index.js';
import { StartupTask } from '../startup/index.js';
import type { RunPlace } from '../storage/index.js';
import { RunRegistry } from '../threads/index.js';
import { AgentCatalogue } from './agent-catalogue.js';
import { RunEngine } from './run-engine.js';
import { overdueEnd } from './run-ends.js';

const AT_ONCE = 500;

/**
 * What the last process left: its runs get their end or are taken up again, those that waited take their turns. Runs
 * that other processes execute are left to them.
 */
@Injectable()
export class RunRecovery extends StartupTask {
  override readonly name = 'recover runs';
  override readonly after = ['storage', 'discover agents'];
  readonly #logger = new Logger(RunRecovery.name);

  constructor(
    private readonly registry: RunRegistry,
    private readonly catalogue: AgentCatalogue,
    private readonly engine: RunEngine,
    private readonly metrics: Metrics,
  ) {
    super();
  }

  override async run(): Promise<void> {
    const runs = await this.registry.unfinished();
    const begun = runs.filter((run) => run.status !== 'queued' && !run.external);
    for (let first = 0; first < begun.length; first += AT_ONCE) {
      await Promise.all(begun.slice(first, first + AT_ONCE).map((run) => this.#recover(run)));
    }
    for (const run of runs) {
      if (run.external && run.status !== 'queued') this.engine.dispatch(run);
      if (run.external || run.status !== 'queued') continue;
      this.#count(run, 'queued');
      this.engine.dispatch(run);
    }
  }

  async #recover(run: RunPlace): Promise<void> {
    if (this.catalogue.find(run.agent)?.resumable !== true) {
      await this.registry.end(run, overdueEnd('run_interrupted'));
      this.#count(run, 'interrupted');
      return;
    }
    const resumed = await this.registry.resume(run);
    if (resumed === null) return;
    this.#count(run, 'resumed');
    this.engine.adopt(resumed);
  }

  #count(run: RunPlace, action: 'interrupted' | 'resumed' | 'queued'): void {
    this.metrics.add('threadcast_agents_recovered_runs_total', { action });
    this.#logger.debug(`${run.runId}: found at the start, ${action}`);
  }
}
