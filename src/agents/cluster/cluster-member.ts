import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock, type Timer } from '../../clock/index.js';
import type { RunId } from '../../ids/index.js';
import { Log } from '../../logs/index.js';
import { Storage, type NodeLeases } from '../../storage/index.js';
import { RunPlaces } from '../../threads/index.js';
import { RunEngine } from '../run-engine.js';
import { reasonOf } from '../../startup/index.js';
import { SWEEP_MS } from './lease-terms.js';
import { NodeKeeper } from './node-keeper.js';
import { RunCalls } from './run-calls.js';
import { RunWakes } from './run-wakes.js';
import { Takeover } from './takeover.js';

/** This node's part in executing the cluster's runs: from its first lease to its release. Without a cluster it does nothing. */
@Injectable()
export class ClusterMember implements OnModuleDestroy {
  readonly #log = new Log(ClusterMember.name);
  #leases: NodeLeases | null = null;
  #timer: Timer | null = null;
  #sweeping: Promise<void> | null = null;
  #again = false;
  #isAway = false;

  constructor(
    private readonly storage: Storage,
    private readonly places: RunPlaces,
    private readonly engine: RunEngine,
    private readonly keeper: NodeKeeper,
    private readonly takeover: Takeover,
    private readonly wakes: RunWakes,
    private readonly calls: RunCalls,
    private readonly clock: Clock,
  ) {}

  /** Takes the lease, and begins to look for what is to be done. Rejects where the storage does not answer. */
  async join(): Promise<void> {
    const { leases } = this.storage;
    const { node } = this.places;
    if (node === null) throw new Error('This process is alone.');
    if (leases === null) throw new Error('This storage is one process’s: a cluster needs PostgreSQL.');
    await this.keeper.start(leases, node);
    this.#leases = leases;
    this.wakes.whenRoom(() => void this.#sweep());
    this.calls.start((runId) => this.#heard(runId));
    this.#wait(periodOf(node));
  }

  /** Nothing more is begun here, or heard of. What is under way goes on. */
  async pause(): Promise<void> {
    this.places.close();
    if (this.#leases !== null) await this.calls.quiet();
  }

  /** What is left is for the others, at once: the lease is released, and each run called out. */
  async leave(): Promise<void> {
    const leases = this.#leases;
    const { node } = this.places;
    await this.#stop();
    if (leases === null || node === null) return;
    try {
      const left = await leases.held(node, MAX_CALLED);
      await leases.release(node);
      for (const { runId } of left) this.calls.call(runId);
    } catch (error) {
      this.#log.warn(`the lease of this node cannot be released, and runs out: ${reasonOf(error)}`, { node });
    }
  }

  /** Without a drain before, the lease runs out as after a crash. */
  async onModuleDestroy(): Promise<void> {
    await this.#stop();
    await this.calls.close();
  }

  async #stop(): Promise<void> {
    this.#leases = null;
    this.#timer?.cancel();
    await Promise.all([this.keeper.stop(), this.#sweeping, this.wakes.settled()]);
  }

  #wait(periodMs: number): void {
    this.#timer = this.clock.after(periodMs, () => {
      void this.#sweep().finally(() => {
        if (this.#leases !== null) this.#wait(periodMs);
      });
    });
  }

  /** One at a time; who asks meanwhile gets another one behind it. Never rejects. */
  #sweep(): Promise<void> {
    this.#again = true;
    this.#sweeping ??= this.#sweepAll().finally(() => (this.#sweeping = null));
    return this.#sweeping;
  }

  async #sweepAll(): Promise<void> {
    while (this.#again && this.#leases !== null) {
      this.#again = false;
      try {
        await this.takeover.look(this.#leases);
        await this.wakes.sweep();
        this.#isAway = false;
      } catch (error) {
        if (!this.#isAway) this.#log.warn(`waiting runs cannot be looked for: ${reasonOf(error)}`);
        this.#isAway = true;
      }
    }
  }

  async #heard(runId: RunId): Promise<'done' | 'full'> {
    const run = await this.storage.runs.get(runId);
    if (run?.status === 'queued' && run.node === null) {
      const { runs } = (await this.#leases?.ready({ threadId: run.threadId }, this.places.maxPerUser, LOOKED_AT)) ?? {
        runs: [],
      };
      const ready = runs.find((other) => other.runId === runId);
      return ready !== undefined && this.wakes.offer(ready) === 'full' ? 'full' : 'done';
    }
    // Left by a node that has released its lease, or nothing to do with it any more: the sweep judges.
    if (run !== null && run.node !== this.places.node && !this.engine.has(runId)) await this.#sweep();
    return 'done';
  }
}

/** Runs that are called out at the end. */
const MAX_CALLED = 1_000;
/** Of a thread's waiting runs. */
const LOOKED_AT = 200;

/** Nodes that were started together do not look at the same moment for ever. */
function periodOf(node: string): number {
  return SWEEP_MS * (0.75 + (parseInt(node.slice(-4), 16) % 500) / 1_000);
}
