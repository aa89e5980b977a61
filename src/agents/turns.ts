import type { Slot } from './lane.js';

/** Runs under way at once, in all and per user. */
export interface TurnLimits {
  readonly maxRuns: number;
  readonly maxRunsPerUser: number;
}

interface Share {
  readonly ready: Set<Slot>;
  underWay: number;
}

/**
 * Whose turn it is: a ring of the users who have a run ready and are below their limit. Each step costs the same,
 * however many runs wait.
 */
export class Turns {
  readonly #shares = new Map<string, Share>();
  readonly #ring = new Set<string>();
  #underWay = 0;

  constructor(private readonly limits: TurnLimits) {}

  /** The run is ready to begin. */
  offer(slot: Slot): void {
    this.#change(slot.run.userId, (share) => share.ready.add(slot));
  }

  /** It is not any more; one that never was changes nothing. */
  withdraw(slot: Slot): void {
    this.#change(slot.run.userId, (share) => share.ready.delete(slot));
  }

  /** The run whose turn it is, taken out; null: none is ready, or the limits are reached. */
  take(): Slot | null {
    if (this.#underWay >= this.limits.maxRuns) return null;
    for (const userId of this.#ring) {
      this.#ring.delete(userId);
      for (const slot of this.#shares.get(userId)?.ready ?? []) {
        this.withdraw(slot);
        return slot;
      }
    }
    return null;
  }

  begin(userId: string): void {
    this.#underWay += 1;
    this.#change(userId, (share) => (share.underWay += 1));
  }

  end(userId: string): void {
    this.#underWay -= 1;
    this.#change(userId, (share) => (share.underWay -= 1));
  }

  /** Keeps the ring true: a user is in it exactly while a run of theirs could begin. */
  #change(userId: string, change: (share: Share) => void): void {
    const share = this.#shares.get(userId) ?? { ready: new Set(), underWay: 0 };
    change(share);
    if (share.ready.size > 0 && share.underWay < this.limits.maxRunsPerUser) this.#ring.add(userId);
    else this.#ring.delete(userId);
    if (share.ready.size === 0 && share.underWay === 0) this.#shares.delete(userId);
    else this.#shares.set(userId, share);
  }
}
