import { Injectable } from '@nestjs/common';

import { Log } from '../logs/index.js';
import { Metrics } from '../metrics/index.js';
import { StartupTask } from '../startup/index.js';
import type { RunPlace } from '../storage/index.js';
import { EventFactory, RunPlaces, RunRegistry } from '../threads/index.js';
import { AgentCatalogue } from './agent-catalogue.js';
import { ClusterMember } from './cluster/cluster-member.js';
import { RunEngine } from './run-engine.js';
import { cancelledEnd, overdueEnd } from './run-ends.js';

const AT_ONCE = 500;

type RecoveryAction = 'interrupted' | 'cancelled' | 'resumed' | 'queued' | 'external';

/**
 * What the last process left: its runs get their end or are taken up again, those that waited take their turns,
 * without the associations that went with that process. Runs that other processes execute are left to them.
 *
 * In a cluster the last process is no matter of this one: runs of nodes that are gone are taken over while it serves.
 */
@Injectable()
export class RunRecovery extends StartupTask {
  override readonly name = 'recover runs';
  override readonly after = ['storage', 'discover agents'];
  readonly #log = new Log(RunRecovery.name);

  constructor(
    private readonly registry: RunRegistry,
    private readonly catalogue: AgentCatalogue,
    private readonly engine: RunEngine,
    private readonly metrics: Metrics,
    private readonly events: EventFactory,
    private readonly places: RunPlaces,
    private readonly member: ClusterMember,
  ) {
    super();
  }

  override async run(): Promise<void> {
    if (this.places.node === null) await this.#recoverAll();
    else await this.member.join();
  }

  async #recoverAll(): Promise<void> {
    const runs = await this.registry.unfinished();
    const waiting = runs.filter((run) => run.status === 'queued' && !run.external);
    const begun = runs.filter((run) => run.status !== 'queued' && !run.external);
    const interrupting = runs.filter((run) => run.status === 'queued' && run.policy === 'interrupt');
    const firstPlaces = new Map(interrupting.reverse().map((run) => [run.threadId, run.position]));
    await inGroups(begun, (run) => this.#recover(run, firstPlaces.get(run.threadId)));
    await inGroups(waiting, (run) => this.#dissociate(run));
    for (const run of runs) {
      if (!run.external && run.status !== 'queued') continue;
      this.#count(run, run.status === 'queued' ? 'queued' : 'external');
      this.engine.dispatch(run);
    }
  }

  /**
   * `firstPlace`: of a run that waits to interrupt. Scenario: its start was stored just before the first event of this
   * run, and the process died before it could cancel it.
   */
  async #recover(run: RunPlace, firstPlace: number | undefined): Promise<void> {
    if (firstPlace !== undefined && firstPlace < run.position && run.policy !== 'parallel') {
      await this.registry.end(run, cancelledEnd(this.events, 'interrupted'));
      this.#count(run, 'cancelled');
      return;
    }
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

  /**
   * No connection of the last process is here any more. Scenario: the process died after the start was stored and
   * before its association was made, or before the record of one that was not made had been corrected.
   */
  async #dissociate(run: RunPlace): Promise<void> {
    if (await this.registry.dissociate(run)) this.metrics.add('threadcast_agents_dissociated_runs_total', {});
  }

  #count({ runId, threadId, userId }: RunPlace, action: RecoveryAction): void {
    this.metrics.add('threadcast_agents_recovered_runs_total', { action });
    this.#log.debug('run found at the start', { runId, threadId, userId, action });
  }
}

async function inGroups(runs: readonly RunPlace[], work: (run: RunPlace) => Promise<void>): Promise<void> {
  for (let first = 0; first < runs.length; first += AT_ONCE) {
    await Promise.all(runs.slice(first, first + AT_ONCE).map(work));
  }
}
