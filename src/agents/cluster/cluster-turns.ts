import type { RunId, ThreadId } from '../../ids/index.js';
import type { RunPlace } from '../../storage/index.js';
import type { RunPlaces, WatchedThreads } from '../../threads/index.js';
import { RunTurns, type Standing } from '../run-turns.js';
import type { OfferOutcome, RunWakes } from './run-wakes.js';

/** The runs of one thread that are this node's. */
interface Lane {
  readonly runs: Map<RunId, RunPlace>;
  readonly unwatch: () => void;
}

/**
 * This node's share of the cluster's runs. Who may begin is decided in the transaction that begins it, so nothing waits here:
 * a queued run that is not this node's is in the storage alone, where every node finds it.
 */
export class ClusterTurns extends RunTurns {
  readonly #runs = new Map<RunId, RunPlace>();
  readonly #lanes = new Map<ThreadId, Lane>();
  #paused = false;

  constructor(
    private readonly begin: (run: RunPlace) => void,
    private readonly places: RunPlaces,
    private readonly watched: WatchedThreads,
    private readonly wakes: RunWakes,
  ) {
    super();
    wakes.serve((run) => this.#offer(run));
  }

  override get waiting(): number {
    return this.wakes.waiting;
  }

  override add(run: RunPlace): 'queued' | 'running' {
    if (this.#runs.has(run.runId)) return 'running';
    if (run.node === null) {
      if (this.places.free === 0) this.wakes.call(run.runId);
      return 'queued';
    }
    if (run.node !== this.places.node) return 'running';
    // Scenario: the start was stored just before the drain. Released with this node's lease, it is begun elsewhere.
    if (this.#paused) return 'queued';
    this.occupy(run);
    this.begin(run);
    return 'running';
  }

  override occupy(run: RunPlace): void {
    if (this.#runs.has(run.runId)) return;
    this.#runs.set(run.runId, run);
    if (!run.external) this.places.keep(run.runId);
    if (this.places.free === 0) this.wakes.isFull();
    const lane = this.#lanes.get(run.threadId) ?? { runs: new Map(), unwatch: this.watched.watch(run.threadId) };
    lane.runs.set(run.runId, run);
    this.#lanes.set(run.threadId, lane);
  }

  override has(runId: RunId): boolean {
    return this.#runs.has(runId);
  }

  override place(runId: RunId): Standing | null {
    return this.#runs.has(runId) ? { state: 'running', ahead: 0 } : null;
  }

  override placeOf(runId: RunId): RunPlace | null {
    return this.#runs.get(runId) ?? null;
  }

  override ofThread(threadId: ThreadId): readonly RunId[] {
    return [...(this.#lanes.get(threadId)?.runs.keys() ?? [])];
  }

  /** None: the start of the run that interrupts has cancelled in its transaction whatever was anybody's to begin. */
  override interrupted(): readonly RunId[] {
    return [];
  }

  override release(runId: RunId): void {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    const wasFull = this.places.free === 0;
    this.#runs.delete(runId);
    this.places.leave(runId);
    const lane = this.#lanes.get(run.threadId);
    lane?.runs.delete(runId);
    if (lane?.runs.size === 0) {
      this.#lanes.delete(run.threadId);
      lane.unwatch();
    }
    if (wasFull && !this.#paused) this.wakes.hasRoom();
  }

  override ended(run: Pick<RunPlace, 'runId' | 'threadId'> & Partial<Pick<RunPlace, 'userId'>>): void {
    this.wakes.wake(run);
  }

  override releaseThread(threadId: ThreadId): readonly RunId[] {
    const runs = [...(this.#lanes.get(threadId)?.runs.values() ?? [])];
    for (const run of runs) {
      this.release(run.runId);
      this.wakes.wake(run);
    }
    return runs.map((run) => run.runId);
  }

  override pause(): void {
    this.#paused = true;
    this.places.close();
  }

  #offer(run: RunPlace): OfferOutcome {
    if (this.#runs.has(run.runId)) return 'here';
    if (this.#paused) return 'full';
    if (!run.external) {
      const place = this.places.ask();
      if (place === null) return 'full';
      place.keep(run.runId);
    }
    this.occupy(run);
    this.begin(run);
    return 'taken';
  }
}
