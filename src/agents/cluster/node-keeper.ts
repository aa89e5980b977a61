import { Injectable } from '@nestjs/common';

import { Clock, type Timer } from '../../clock/index.js';
import type { RunId } from '../../ids/index.js';
import { Log } from '../../logs/index.js';
import type { NodeLeases, RunPlace } from '../../storage/index.js';
import { Metrics } from '../../metrics/index.js';
import { RunPlaces } from '../../threads/index.js';
import { RunEngine } from '../run-engine.js';
import { reasonOf } from '../../startup/index.js';
import { LEASE_MS, RENEW_MS } from './lease-terms.js';
import { RunsElsewhere } from './runs-elsewhere.js';
import { Takeover } from './takeover.js';

/** Of the runs that are this node's, read at each renewal. */
const MAX_HELD = 50_000;

/**
 * Keeps this node's lease, at fixed times, whatever has become of the try before: one silent connection must not be a whole
 * node's death. While it is not kept, this node begins nothing. With each renewal it compares what the storage has as this
 * node's with what is in hand here. So a node that nobody tells anything, with Redis away or after a while without the
 * database, still learns within seconds of ends, answers and losses.
 */
@Injectable()
export class NodeKeeper {
  readonly #log = new Log(NodeKeeper.name);
  #timer: Timer | null = null;
  readonly #renewing = new Set<Promise<void>>();
  #comparing: Promise<void> | null = null;
  /** When the last renewal that succeeded was asked for, monotonic. */
  #renewedAt = 0;
  #isAway = false;
  /** This node's by the storage and not in hand here, at the renewal before. */
  #strays = new Set<RunId>();

  constructor(
    private readonly engine: RunEngine,
    private readonly elsewhere: RunsElsewhere,
    private readonly takeover: Takeover,
    private readonly places: RunPlaces,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Rejects where the storage does not answer: a node without a lease may begin nothing. */
  async start(leases: NodeLeases, node: string): Promise<void> {
    await this.#ask(leases, node);
    this.places.leaseBy(() => this.clock.monotonic() - this.#renewedAt < LEASE_MS);
    this.#timer = this.clock.every(RENEW_MS, () => {
      const renewing = this.#renew(leases, node).finally(() => this.#renewing.delete(renewing));
      this.#renewing.add(renewing);
    });
  }

  /** Resolves when nothing is asked any more. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await Promise.all(this.#renewing);
    await this.#comparing;
  }

  async #ask(leases: NodeLeases, node: string): Promise<void> {
    // By the database it lasts from a later moment on.
    const asked = this.clock.monotonic();
    if (await leases.renew(node, LEASE_MS)) this.#renewedAt = Math.max(this.#renewedAt, asked);
  }

  async #renew(leases: NodeLeases, node: string): Promise<void> {
    try {
      await this.#ask(leases, node);
      this.#isAway = false;
    } catch (error) {
      this.metrics.add('threadcast_agents_failed_renewals_total', {});
      if (!this.#isAway) this.#log.warn(`the lease of this node cannot be renewed: ${reasonOf(error)}`, { node });
      this.#isAway = true;
      return;
    }
    this.#comparing ??= this.#look(leases, node).finally(() => (this.#comparing = null));
  }

  /** Beside the renewals, which wait for none of it. */
  async #look(leases: NodeLeases, node: string): Promise<void> {
    try {
      // Before: what begins meanwhile is not missed among what the storage has.
      const inHand = this.engine.inHand();
      this.#compare(inHand, await leases.held(node, MAX_HELD));
      await leases.forget();
    } catch (error) {
      this.#log.warn(`the runs of this node cannot be compared: ${reasonOf(error)}`, { node });
    }
  }

  #compare(inHand: readonly RunId[], held: readonly RunPlace[]): void {
    if (this.#timer === null) return;
    const records = new Map(held.map((run) => [run.runId, run]));
    for (const runId of inHand) {
      const record = records.get(runId);
      const open = this.engine.executionOf(runId)?.openInputs ?? 0;
      // Of several that are open one may be answered, and the run waits on.
      const mayBeAnswered = open > 1 || (open === 1 && record?.status === 'running');
      if (record === undefined || mayBeAnswered) void this.elsewhere.compare(runId);
    }
    // Scenario: the start of a run was stored, and whoever had asked for it was told that it was not.
    const strays = held.filter((run) => !this.engine.has(run.runId));
    for (const run of strays) if (this.#strays.has(run.runId)) void this.takeover.take(run);
    this.#strays = new Set(strays.map((run) => run.runId));
  }
}
