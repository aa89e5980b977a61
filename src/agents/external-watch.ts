import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import type { RunId } from '../ids/index.js';
import { Log } from '../logs/index.js';
import type { RunPlace, StoredEvent } from '../storage/index.js';
import { ExecutionTools } from './execution-tools.js';
import { ExternalPlaces } from './external-places.js';
import { ExternalRunWatch } from './external-run-watch.js';

interface Watched {
  readonly watch: ExternalRunWatch;
  readonly leave: () => void;
}

/** The runs of other processes that have not ended. Bounded: each costs a timer and a place here. */
@Injectable()
export class ExternalWatch implements OnModuleDestroy {
  readonly #log = new Log(ExternalWatch.name);
  readonly #runs = new Map<RunId, Watched>();
  readonly places: ExternalPlaces;

  constructor(private readonly tools: ExecutionTools) {
    this.places = new ExternalPlaces(tools.options);
  }

  /** Without an end for them: they are other processes', and go on. */
  onModuleDestroy(): void {
    for (const { watch } of this.#runs.values()) watch.over();
    this.#runs.clear();
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Those whose processes may append. */
  watched(): RunId[] {
    return [...this.#runs.values()].flatMap(({ watch }) => (watch.underWay ? [watch.run.runId] : []));
  }

  isWatched(runId: RunId): boolean {
    return this.#runs.get(runId)?.watch.underWay === true;
  }

  /** Knows a run from now on. `onGone`: it turned out to have ended before anybody here could hear of it. */
  add(run: RunPlace, onGone: () => void): void {
    if (this.#runs.has(run.runId)) return;
    const gone = (): void => {
      this.over(run.runId);
      onGone();
    };
    const watch = new ExternalRunWatch(run, this.tools, this.#log, gone);
    this.#runs.set(run.runId, { watch, leave: this.places.take(run) });
  }

  /** The turn of a queued run has come. */
  admit(runId: RunId): void {
    void this.#runs.get(runId)?.watch.admit();
  }

  /** The run is under way. */
  watch(runId: RunId): void {
    this.#runs.get(runId)?.watch.watch();
  }

  interrupt(runId: RunId, by: RunPlace): void {
    this.#runs.get(runId)?.watch.interrupt(by);
  }

  observe(runId: RunId, event: StoredEvent): void {
    this.#runs.get(runId)?.watch.observe(event);
  }

  /** It has ended, or is gone with its thread. */
  over(runId: RunId): void {
    const watched = this.#runs.get(runId);
    if (watched === undefined) return;
    this.#runs.delete(runId);
    watched.watch.over();
    watched.leave();
  }
}
