import { Injectable } from '@nestjs/common';

import type { RunId, ThreadId } from '../../ids/index.js';
import { Log } from '../../logs/index.js';
import { Metrics } from '../../metrics/index.js';
import { Storage, type NodeLeases, type RunPlace, type WaitingRuns } from '../../storage/index.js';
import { RunPlaces } from '../../threads/index.js';
import { reasonOf } from '../../startup/index.js';
import { RunCalls } from './run-calls.js';

/** `here`: it is in hand already; `full`: nothing may be begun here now. */
export type OfferOutcome = 'taken' | 'here' | 'full';

/** Threads and users that wait to be looked at; one more is left to the sweep. */
const MAX_WAITING = 10_000;
const AT_ONCE = 4;
/** Waiting runs that are looked at together, of one thread or user, or of all. */
const PAGE = 200;
/** Waiting runs that are counted. */
const MAX_COUNTED = 10_000;

/**
 * Finds queued runs whose turn may have come: of a thread and a user after an end, and page by page of all, for what nobody
 * has looked at: its node died in between, or nobody had room. What is found is begun here, or where there is no room,
 * called out to the others. Nothing hangs on any of it but speed: the storage keeps what waits, and the sweep comes again.
 */
@Injectable()
export class RunWakes {
  readonly #log = new Log(RunWakes.name);
  readonly #threads = new Set<ThreadId>();
  /** How many may begin for each: as many as have ended. */
  readonly #users = new Map<string, number>();
  #work: Promise<void> | null = null;
  #after = 0;
  #waiting = 0;
  #offer: (run: RunPlace) => OfferOutcome = () => 'full';
  #onRoom: () => void = () => undefined;

  constructor(
    private readonly storage: Storage,
    private readonly places: RunPlaces,
    private readonly calls: RunCalls,
    private readonly metrics: Metrics,
  ) {}

  /** Runs of the whole cluster that wait, as the last sweep has counted them. */
  get waiting(): number {
    return this.#waiting;
  }

  /** `offer`: takes a run that may begin, or says why not. */
  serve(offer: (run: RunPlace) => OfferOutcome): void {
    this.#offer = offer;
  }

  /** `sweep`: asks for one soon. */
  whenRoom(sweep: () => void): void {
    this.#onRoom = sweep;
  }

  /** A run of this thread, and of this user where that is known, has ended. */
  wake({ threadId, userId }: Pick<RunPlace, 'threadId'> & Partial<Pick<RunPlace, 'userId'>>): void {
    if (this.#threads.size + this.#users.size >= MAX_WAITING) {
      this.metrics.add('threadcast_agents_dropped_wakes_total', { why: 'full' });
      return;
    }
    this.#threads.add(threadId);
    if (userId !== undefined) this.#users.set(userId, (this.#users.get(userId) ?? 0) + 1);
    this.#work ??= this.#lookAtAll();
  }

  /** Resolves when nothing is looked at any more. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** This node has taken its last place. */
  isFull(): void {
    this.calls.pause();
  }

  /** This node was full, and is not any more. */
  hasRoom(): void {
    this.calls.resume();
    this.#onRoom();
  }

  /** Whoever has room may begin it. */
  call(runId: RunId): void {
    this.calls.call(runId);
  }

  /** Begins a run here, where there is room. */
  offer(run: RunPlace): OfferOutcome {
    return this.#offer(run);
  }

  /** Begins a run here, or calls it out. */
  give(run: RunPlace): OfferOutcome {
    const outcome = this.#offer(run);
    if (outcome === 'full') this.call(run.runId);
    return outcome;
  }

  /** Looks at one page of all that wait; rejects where the storage does not answer. */
  async sweep(): Promise<void> {
    this.#waiting = await this.#leases.waiting(MAX_COUNTED);
    this.metrics.set('threadcast_agents_runs', { state: 'queued' }, this.#waiting);
    if (this.places.free === 0) return;
    this.calls.resume();
    if (this.#waiting === 0) return;
    const { runs, next } = await this.#leases.ready({ after: this.#after }, this.places.maxPerUser, PAGE);
    this.#after = next ?? 0;
    const given = new Map<string, number>();
    for (const run of runs) {
      const before = given.get(run.userId) ?? 0;
      if (before >= this.places.maxPerUser) continue;
      given.set(run.userId, before + 1);
      const outcome = this.#offer(run);
      if (outcome === 'taken') this.metrics.add('threadcast_agents_swept_runs_total', {});
      if (outcome === 'full') return;
    }
  }

  get #leases(): NodeLeases {
    const { leases } = this.storage;
    if (leases === null) throw new Error('This storage is one process’s.');
    return leases;
  }

  async #lookAtAll(): Promise<void> {
    while (this.#threads.size + this.#users.size > 0) {
      const threads = [...this.#threads].slice(0, AT_ONCE);
      for (const threadId of threads) this.#threads.delete(threadId);
      const users = [...this.#users].slice(0, AT_ONCE);
      for (const [userId] of users) this.#users.delete(userId);
      await Promise.all(threads.map((threadId) => this.#look({ threadId }, PAGE)));
      await Promise.all(users.map(([userId, ended]) => this.#look({ userId }, ended)));
    }
    this.#work = null;
  }

  async #look(which: WaitingRuns, atMost: number): Promise<void> {
    try {
      const { runs } = await this.#leases.ready(which, this.places.maxPerUser, PAGE);
      for (const run of runs.slice(0, atMost)) this.give(run);
    } catch (error) {
      this.metrics.add('threadcast_agents_dropped_wakes_total', { why: 'storage' });
      this.#log.debug(`waiting runs are left to the sweep: ${reasonOf(error)}`, {});
    }
  }
}
