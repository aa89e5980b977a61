import type { RunId, ThreadId } from '../ids/index.js';
import type { RunPlace } from '../storage/index.js';

/** A run that waits or is under way, as the scheduler sees it. */
export interface Slot {
  /** Without the run's content: many wait, and each input may be large. */
  readonly run: RunPlace;
  readonly lane: Lane;
  state: 'queued' | 'running';
  /** Counts for the limits on runs under way. */
  readonly counted: boolean;
}

/** The runs of one thread: a queue by position, those that wait beside it, and those under way. */
export class Lane {
  readonly #queue: Slot[] = [];
  readonly #parallel = new Set<Slot>();
  readonly #underWay = new Set<Slot>();

  /** The head of the queue, while it waits for its turn among the users. */
  offered: Slot | null = null;

  /** A run has just ended: until the next turn of the event loop only a run that interrupts may begin. */
  resting = false;

  constructor(readonly threadId: ThreadId) {}

  get empty(): boolean {
    return this.#queue.length === 0 && this.#parallel.size === 0 && this.#underWay.size === 0;
  }

  /** The run that may begin in this thread, if any. */
  get head(): Slot | null {
    return this.#underWay.size > 0 ? null : (this.#queue[0] ?? null);
  }

  underWay(): RunId[] {
    return [...this.#underWay].map((slot) => slot.run.runId);
  }

  runIds(): RunId[] {
    return [...this.#underWay, ...this.#queue, ...this.#parallel].map((slot) => slot.run.runId);
  }

  /** How many go before it. */
  ahead(slot: Slot): number {
    const place = this.#queue.indexOf(slot);
    return place < 0 ? 0 : place + this.#underWay.size;
  }

  enqueue(slot: Slot): void {
    if (slot.run.policy === 'parallel') {
      this.#parallel.add(slot);
      return;
    }
    const later = this.#queue.findIndex((other) => other.run.position > slot.run.position);
    this.#queue.splice(later < 0 ? this.#queue.length : later, 0, slot);
  }

  start(slot: Slot): void {
    this.remove(slot);
    this.#underWay.add(slot);
  }

  remove(slot: Slot): void {
    const place = this.#queue.indexOf(slot);
    if (place >= 0) this.#queue.splice(place, 1);
    this.#parallel.delete(slot);
    this.#underWay.delete(slot);
    if (this.offered === slot) this.offered = null;
  }
}
