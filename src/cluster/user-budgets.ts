/** What one user has spent since it was said last. */
export interface Spending {
  readonly userId: string;
  readonly tokens: number;
}

/** A bucket: what comes in each second, and what it holds. */
export interface Budget {
  readonly perSecond: number;
  readonly burst: number;
}

/** One bucket of tokens for each user, on all nodes together. */
export abstract class UserBudgets {
  /** Whether there can be other nodes at all. */
  abstract readonly isShared: boolean;

  /**
   * Takes what was spent out of the users' buckets, and resolves with what each has left then; less than nothing where more
   * was spent than there was, at least `-burst`. Null: the buckets are out of reach, and nothing was taken. Never rejects.
   */
  abstract spend(spent: readonly Spending[], budget: Budget): Promise<readonly number[] | null>;
}

/** This node is alone: nobody else spends. */
export class NoSharedBudgets extends UserBudgets {
  override readonly isShared = false;

  override spend(): Promise<null> {
    return Promise.resolve(null);
  }
}
