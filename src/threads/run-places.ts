import { Inject, Injectable } from '@nestjs/common';

import type { RunId } from '../ids/index.js';
import { THREADS_OPTIONS, ThreadsOptions } from './threads-options.js';

/** A place that was taken for a run, of which it is not yet known whether it will be this node's. */
export interface AskedPlace {
  /** The run is this node's, and keeps the place until `leave`. */
  keep(runId: RunId): void;

  /** Given back, unless it is kept. Twice does nothing. */
  giveBack(): void;
}

/**
 * In a cluster, what this node may begin: its name, and how many runs it executes at once. Taken before a transaction
 * that makes a run this node's, so that transactions which wait for their commit together cannot go past the limit.
 *
 * Without a cluster nobody's runs are a node's: who begins when is the scheduler's, in memory.
 */
@Injectable()
export class RunPlaces {
  /** Null: this process is alone. */
  readonly node: string | null;
  /** Runs of one user under way at once, on all nodes together. */
  readonly maxPerUser: number;
  readonly #max: number;
  readonly #kept = new Set<RunId>();
  #asked = 0;
  #closed = false;
  #isLeased: () => boolean = () => true;

  constructor(@Inject(THREADS_OPTIONS) given: Partial<ThreadsOptions>) {
    const { node, maxRuns, maxRunsPerUser } = Object.assign(new ThreadsOptions(), given);
    this.node = node;
    this.maxPerUser = maxRunsPerUser;
    this.#max = maxRuns;
  }

  /** How many more this node may begin now. */
  get free(): number {
    return this.#closed || !this.leased || this.node === null
      ? 0
      : Math.max(0, this.#max - this.#kept.size - this.#asked);
  }

  /** False: others may take this node to be gone by now. What it has goes on, and nothing is begun. */
  get leased(): boolean {
    return this.#isLeased();
  }

  /** From now on something is begun only while `isLeased` says so. */
  leaseBy(isLeased: () => boolean): void {
    this.#isLeased = isLeased;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Null: nothing may be begun here now. */
  ask(): AskedPlace | null {
    if (this.free === 0) return null;
    this.#asked += 1;
    let open = true;
    const settle = (): boolean => {
      const wasOpen = open;
      if (wasOpen) this.#asked -= 1;
      open = false;
      return wasOpen;
    };
    return {
      keep: (runId) => {
        if (settle()) this.#kept.add(runId);
      },
      giveBack: () => void settle(),
    };
  }

  /** For a run that is this node's whatever the limit says: it goes on here. */
  keep(runId: RunId): void {
    this.#kept.add(runId);
  }

  leave(runId: RunId): void {
    this.#kept.delete(runId);
  }

  /** From now on nothing is begun here. */
  close(): void {
    this.#closed = true;
  }
}
