import type { RunId, ThreadId } from '../ids/index.js';
import type { RunPlace } from '../storage/index.js';
import { Lane, type Slot } from './lane.js';
import { Turns, type TurnLimits } from './turns.js';

/**
 * Decides when a queued run may begin; in memory, without time and without storage.
 *
 * In a thread, a run begins when it is the first by position and no other one is under way; with the policy
 * `parallel` at once. Within the limits for the process and for each user, turns go round the users, and of one
 * user's runs to the one that has been ready longest.
 *
 * After an end, the thread's next run begins only in a later turn of the event loop. Scenario: a run interrupts
 * another one, and its commit is told as the end of that one before whoever asked for it has handed it over; the
 * thread's queue would overtake it.
 */
export class RunScheduler {
  readonly #slots = new Map<RunId, Slot>();
  readonly #lanes = new Map<ThreadId, Lane>();
  readonly #turns: Turns;
  readonly #resting = new Set<Lane>();
  #underWay = 0;
  #paused = false;

  constructor(
    limits: TurnLimits,
    private readonly begin: (run: RunPlace) => void,
    private readonly soon: (fire: () => void) => void,
  ) {
    this.#turns = new Turns(limits);
  }

  /** Runs that wait to begin. */
  get waiting(): number {
    return this.#slots.size - this.#underWay;
  }

  /** Takes a queued run; `running` when it was begun at once. A run that is here already is not taken again. */
  add(run: RunPlace): 'queued' | 'running' {
    const known = this.#slots.get(run.runId);
    if (known !== undefined) return known.state;
    const lane = this.#lane(run.threadId);
    const slot: Slot = { run, lane, state: 'queued', counted: true };
    this.#slots.set(run.runId, slot);
    lane.enqueue(slot);
    if (run.policy === 'parallel') this.#turns.offer(slot);
    else if (!lane.resting || run.policy === 'interrupt') this.#offerHead(lane);
    this.#admit();
    return this.#slots.get(run.runId)?.state ?? 'queued';
  }

  /** Takes a run that is under way already. `counted`: it is executed here and counts for the limits. */
  occupy(run: RunPlace, counted: boolean): void {
    if (this.#slots.has(run.runId)) return;
    const slot: Slot = { run, lane: this.#lane(run.threadId), state: 'running', counted };
    this.#slots.set(run.runId, slot);
    this.#start(slot);
  }

  has(runId: RunId): boolean {
    return this.#slots.has(runId);
  }

  /** The thread's runs that have been begun. */
  underWay(threadId: ThreadId): RunId[] {
    return this.#lanes.get(threadId)?.underWay() ?? [];
  }

  /** The run has ended, waiting or under way: its place is free. */
  release(runId: RunId): void {
    const slot = this.#slots.get(runId);
    if (slot === undefined) return;
    this.#slots.delete(runId);
    const { lane } = slot;
    lane.remove(slot);
    if (slot.state === 'queued') this.#turns.withdraw(slot);
    else {
      this.#underWay -= 1;
      if (slot.counted) this.#turns.end(slot.run.userId);
    }
    this.#rest(lane);
  }

  /** Every run of the thread has gone; answers which they were. */
  releaseThread(threadId: ThreadId): RunId[] {
    const runIds = this.#lanes.get(threadId)?.runIds() ?? [];
    for (const runId of runIds) this.release(runId);
    return runIds;
  }

  /** From now on nothing is begun. */
  pause(): void {
    this.#paused = true;
  }

  #lane(threadId: ThreadId): Lane {
    const lane = this.#lanes.get(threadId) ?? new Lane(threadId);
    this.#lanes.set(threadId, lane);
    return lane;
  }

  #offerHead(lane: Lane): void {
    const { head, offered } = lane;
    if (head === offered) return;
    if (offered !== null) this.#turns.withdraw(offered);
    lane.offered = head;
    if (head !== null) this.#turns.offer(head);
  }

  #admit(): void {
    while (!this.#paused) {
      const slot = this.#turns.take();
      if (slot === null) return;
      slot.state = 'running';
      this.#start(slot);
      this.begin(slot.run);
    }
  }

  #start(slot: Slot): void {
    this.#underWay += 1;
    slot.lane.start(slot);
    if (slot.counted) this.#turns.begin(slot.run.userId);
    // Somebody is under way now: a head that waited for its turn has to wait for the thread again.
    this.#offerHead(slot.lane);
  }

  #rest(lane: Lane): void {
    lane.resting = true;
    if (this.#resting.size === 0) this.soon(() => this.#wake());
    this.#resting.add(lane);
  }

  #wake(): void {
    const lanes = [...this.#resting];
    this.#resting.clear();
    for (const lane of lanes) {
      lane.resting = false;
      if (lane.empty) this.#lanes.delete(lane.threadId);
      else this.#offerHead(lane);
    }
    this.#admit();
  }
}
