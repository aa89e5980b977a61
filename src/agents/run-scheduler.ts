import type { RunId, ThreadId } from '../ids/index.js';
import type { RunPlace } from '../storage/index.js';
import { Lane, type Slot } from './lane.js';
import { RunTurns, type Standing } from './run-turns.js';
import { Turns, type TurnLimits } from './turns.js';

/**
 * Decides when a queued run may begin; in memory, without time and without storage.
 *
 * In a thread, a run begins when it is the first by position and no other one is under way; with the policy
 * `parallel` at once. Within the limits for the process and for each user, turns go round the users, and of one
 * user's runs to the one that has been ready longest. A run of another process costs this one no work: it keeps its
 * place in the thread's order, and the limits are not for it.
 *
 * After an end, the thread's next run begins only in a later turn of the event loop. Scenario: a run interrupts
 * another one, and its commit is told as the end of that one before whoever asked for it has handed it over; the
 * thread's queue would overtake it.
 */
export class RunScheduler extends RunTurns {
  readonly #slots = new Map<RunId, Slot>();
  readonly #lanes = new Map<ThreadId, Lane>();
  readonly #turns: Turns;
  /** Ready to begin, and within no limits. */
  readonly #free = new Set<Slot>();
  readonly #resting = new Set<Lane>();
  #underWay = 0;
  #paused = false;

  constructor(
    limits: TurnLimits,
    private readonly begin: (run: RunPlace) => void,
    private readonly soon: (fire: () => void) => void,
  ) {
    super();
    this.#turns = new Turns(limits);
  }

  /** Runs that wait to begin. */
  override get waiting(): number {
    return this.#slots.size - this.#underWay;
  }

  /** Takes a queued run; `running` when it was begun at once. A run that is here already is not taken again. */
  override add(run: RunPlace): 'queued' | 'running' {
    const known = this.#slots.get(run.runId);
    if (known !== undefined) return known.state;
    const lane = this.#lane(run.threadId);
    const slot: Slot = { run, lane, state: 'queued', counted: !run.external };
    this.#slots.set(run.runId, slot);
    lane.enqueue(slot);
    if (run.policy === 'parallel') this.#offer(slot);
    else if (!lane.resting || run.policy === 'interrupt') this.#offerHead(lane);
    this.#admit();
    return this.#slots.get(run.runId)?.state ?? 'queued';
  }

  /** Takes a run that is under way already. */
  override occupy(run: RunPlace): void {
    if (this.#slots.has(run.runId)) return;
    const slot: Slot = { run, lane: this.#lane(run.threadId), state: 'running', counted: !run.external };
    this.#slots.set(run.runId, slot);
    this.#start(slot);
  }

  override has(runId: RunId): boolean {
    return this.#slots.has(runId);
  }

  /**
   * Where a run stands; null: it is not here. A queued one with none `ahead` waits for a free place within the limits.
   */
  override place(runId: RunId): Standing | null {
    const slot = this.#slots.get(runId);
    return slot === undefined ? null : { state: slot.state, ahead: slot.lane.ahead(slot) };
  }

  /** Null: the run is not here. */
  override placeOf(runId: RunId): RunPlace | null {
    return this.#slots.get(runId)?.run ?? null;
  }

  override ofThread(threadId: ThreadId): RunId[] {
    return this.#lanes.get(threadId)?.runIds() ?? [];
  }

  /** The thread's runs that have been begun. */
  override interrupted(threadId: ThreadId): RunId[] {
    return this.#lanes.get(threadId)?.underWay() ?? [];
  }

  /** The run has ended, waiting or under way: its place is free. */
  override release(runId: RunId): void {
    const slot = this.#slots.get(runId);
    if (slot === undefined) return;
    this.#slots.delete(runId);
    const { lane } = slot;
    lane.remove(slot);
    if (slot.state === 'queued') this.#withdraw(slot);
    else {
      this.#underWay -= 1;
      if (slot.counted) this.#turns.end(slot.run.userId);
    }
    this.#rest(lane);
  }

  override ended({ runId }: Pick<RunPlace, 'runId'>): void {
    this.release(runId);
  }

  /** Every run of the thread has gone; answers which they were. */
  override releaseThread(threadId: ThreadId): RunId[] {
    const runIds = this.ofThread(threadId);
    for (const runId of runIds) this.release(runId);
    return runIds;
  }

  /** From now on nothing is begun. */
  override pause(): void {
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
    if (offered !== null) this.#withdraw(offered);
    lane.offered = head;
    if (head !== null) this.#offer(head);
  }

  #offer(slot: Slot): void {
    if (slot.counted) this.#turns.offer(slot);
    else this.#free.add(slot);
  }

  #withdraw(slot: Slot): void {
    if (slot.counted) this.#turns.withdraw(slot);
    else this.#free.delete(slot);
  }

  /** Taken out; null: nobody may begin. */
  #next(): Slot | null {
    for (const slot of this.#free) {
      this.#free.delete(slot);
      return slot;
    }
    return this.#turns.take();
  }

  #admit(): void {
    while (!this.#paused) {
      const slot = this.#next();
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
