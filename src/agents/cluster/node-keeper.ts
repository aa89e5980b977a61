import { Injectable } from '@nestjs/common';

import { Clock, type Timer } from '../../clock/index.js';
import type { RunId } from '../../ids/index.js';
import { Log } from '../../logs/index.js';
import type { NodeLeases, RunPlace } from '../../storage/index.js';
import { RunEngine } from '../run-engine.js';
import { reasonOf } from '../../startup/index.js';
import { LEASE_MS, RENEW_MS } from './lease-terms.js';
import { RunsElsewhere } from './runs-elsewhere.js';
import { Takeover } from './takeover.js';

/** Of the runs that are this node's, read at each renewal. */
const MAX_HELD = 50_000;

/**
 * Keeps this node's lease, and with each renewal compares what the storage has as this node's with what is in hand here. So a
 * node that nobody tells anything, with Redis away or after a while without the database, still learns within seconds of
 * ends, answers and losses.
 */
@Injectable()
export class NodeKeeper {
  readonly #log = new Log(NodeKeeper.name);
  #timer: Timer | null = null;
  #renewing: Promise<void> | null = null;
  #isAway = false;
  /** This node's by the storage and not in hand here, at the renewal before. */
  #strays = new Set<RunId>();

  constructor(
    private readonly engine: RunEngine,
    private readonly elsewhere: RunsElsewhere,
    private readonly takeover: Takeover,
    private readonly clock: Clock,
  ) {}

  /** Rejects where the storage does not answer: a node without a lease may begin nothing. */
  async start(leases: NodeLeases, node: string): Promise<void> {
    await leases.renew(node, LEASE_MS);
    this.#wait(leases, node);
  }

  /** Resolves when nothing is asked any more. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await this.#renewing;
  }

  #wait(leases: NodeLeases, node: string): void {
    this.#timer = this.clock.after(RENEW_MS, () => {
      this.#renewing = this.#renew(leases, node).finally(() => {
        if (this.#timer !== null) this.#wait(leases, node);
      });
    });
  }

  async #renew(leases: NodeLeases, node: string): Promise<void> {
    try {
      // Before: what begins meanwhile is not missed among what the storage has.
      const inHand = this.engine.inHand();
      await leases.renew(node, LEASE_MS);
      this.#compare(inHand, await leases.held(node, MAX_HELD));
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) this.#log.warn(`the lease of this node cannot be renewed: ${reasonOf(error)}`, { node });
      this.#isAway = true;
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
