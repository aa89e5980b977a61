import { Injectable } from '@nestjs/common';

import { Clock } from '../../clock/index.js';
import { Log } from '../../logs/index.js';
import { Metrics } from '../../metrics/index.js';
import { reasonOf } from '../../startup/index.js';
import type { LapsedNode, NodeLeases, RunPlace } from '../../storage/index.js';
import { RunPlaces, RunRegistry } from '../../threads/index.js';
import { AgentCatalogue } from '../agent-catalogue.js';
import { RunEngine } from '../run-engine.js';
import { overdueEnd } from '../run-ends.js';
import { GRACE_MS } from './lease-terms.js';
import { RunWakes } from './run-wakes.js';

/** Runs of one node that are taken over with one sweep. */
const AT_ONCE = 500;

type TakeoverAction = 'interrupted' | 'resumed' | 'queued' | 'external';

/**
 * Sees to the runs of nodes that are gone: those under way go on here or get their end, those of other processes are watched
 * here, and what such a node had not begun yet is for everybody again. Every node does this; each run's transaction lets one of
 * them have it.
 */
@Injectable()
export class Takeover {
  readonly #log = new Log(Takeover.name);
  /** Nodes whose lease is over, and since when that is seen, monotonic. */
  readonly #seen = new Map<string, number>();

  constructor(
    private readonly registry: RunRegistry,
    private readonly catalogue: AgentCatalogue,
    private readonly engine: RunEngine,
    private readonly wakes: RunWakes,
    private readonly places: RunPlaces,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** One look at all nodes. Rejects where the storage does not answer; then everybody has the whole grace again. */
  async look(leases: NodeLeases): Promise<void> {
    if (this.places.closed) return;
    // What it took would be taken from it again; and what it sees of others may be what it suffers itself.
    if (!this.places.leased) {
      this.#seen.clear();
      return;
    }
    try {
      const lapsed = (await leases.lapsed()).filter(({ node }) => node !== this.places.node);
      for (const gone of this.#judge(lapsed)) {
        const runs = await leases.held(gone, AT_ONCE);
        this.#log.warn(`a node is gone, and ${runs.length} of its runs are taken over`, { node: gone });
        await Promise.all(runs.map((run) => this.take(run)));
      }
      // As a process without a cluster has left them.
      await Promise.all((await leases.held(null, AT_ONCE)).map((run) => this.take(run)));
    } catch (error) {
      this.#seen.clear();
      throw error;
    }
  }

  /** Never rejects: what fails is found again with the next sweep. `run`: as it was seen to be a node's that is gone. */
  async take(run: RunPlace): Promise<void> {
    const { runId, threadId, userId, node } = run;
    try {
      const action = await this.#take(run);
      if (action === null) return;
      this.metrics.add('threadcast_agents_recovered_runs_total', { action });
      this.#log.debug('run taken over', { runId, threadId, userId, node, action });
    } catch (error) {
      this.#log.warn(`a run cannot be taken over yet: ${reasonOf(error)}`, { runId, threadId, userId, node });
    }
  }

  /** Those that are to be acted on. */
  #judge(lapsed: readonly LapsedNode[]): string[] {
    const now = this.clock.monotonic();
    const names = new Set(lapsed.map(({ node }) => node));
    for (const node of this.#seen.keys()) if (!names.has(node)) this.#seen.delete(node);
    return lapsed.flatMap(({ node, released }) => {
      const since = this.#seen.get(node) ?? now;
      this.#seen.set(node, since);
      return released || now - since >= GRACE_MS ? [node] : [];
    });
  }

  /** Null: it has ended, or somebody else has it. */
  async #take(run: RunPlace): Promise<TakeoverAction | null> {
    if (run.status !== 'queued' && !run.external && this.catalogue.find(run.agent)?.resumable !== true) {
      const ended = await this.registry.endLeft(run, overdueEnd('run_interrupted'));
      if (ended !== null) this.wakes.wake(run);
      return ended === null ? null : 'interrupted';
    }
    const taken = await this.registry.takeOver(run);
    if (taken === null) return null;
    if (taken.status === 'queued') {
      this.wakes.give(taken);
      return 'queued';
    }
    if (taken.external) this.engine.dispatch(taken);
    else this.engine.adopt(taken);
    return taken.external ? 'external' : 'resumed';
  }
}
