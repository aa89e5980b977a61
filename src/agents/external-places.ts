import { ThreadcastError } from '../errors/index.js';
import type { RunPlace } from '../storage/index.js';

export interface ExternalLimits {
  readonly maxExternalRuns: number;
  readonly maxExternalRunsPerUser: number;
  readonly maxExternalRunsPerThread: number;
}

type Counted = Pick<RunPlace, 'threadId'> & Partial<Pick<RunPlace, 'userId'>>;

/** How many runs of other processes have not ended: in all, of each user, on each thread. */
export class ExternalPlaces {
  #all = 0;
  readonly #users = new Map<string, number>();
  readonly #threads = new Map<string, number>();

  constructor(private readonly limits: ExternalLimits) {}

  /** Takes a place for one that is about to be made. Throws `run_queue_full`. */
  ask(run: Counted): () => void {
    const { maxExternalRuns, maxExternalRunsPerUser, maxExternalRunsPerThread } = this.limits;
    const ofUser = run.userId === undefined ? 0 : (this.#users.get(run.userId) ?? 0);
    if (this.#all >= maxExternalRuns) throw full(`${maxExternalRuns} runs of other processes are under way`);
    if (ofUser >= maxExternalRunsPerUser) throw full(`${maxExternalRunsPerUser} of this user are under way`);
    if ((this.#threads.get(run.threadId) ?? 0) >= maxExternalRunsPerThread) {
      throw full(`${maxExternalRunsPerThread} of this thread are under way`);
    }
    return this.take(run);
  }

  /** Takes a place, also past the limits. What is given back leaves it, once. */
  take({ userId, threadId }: Counted): () => void {
    const move = (by: 1 | -1): void => {
      this.#all += by;
      moveIn(this.#threads, threadId, by);
      if (userId !== undefined) moveIn(this.#users, userId, by);
    };
    move(1);
    let left = false;
    return () => {
      if (!left) move(-1);
      left = true;
    };
  }
}

function moveIn(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function full(why: string): ThreadcastError {
  return new ThreadcastError('run_queue_full', { message: `No further run is taken: ${why}.`, retryAfterMs: 1_000 });
}
