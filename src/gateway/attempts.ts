import { ThreadcastError } from '../errors/index.js';

/** Beside the one that is being made. */
const MAX_WAITING = 5;

const ignore = (): void => undefined;

/** Attempts of one connection to authenticate: made one after the other, and few of them wait. */
export class Attempts {
  #last: Promise<unknown> | null = null;
  #inHand = 0;

  /** Rejects as the attempt does, or with `pending_queue_full`. */
  async inTurn<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.#inHand > MAX_WAITING) {
      throw new ThreadcastError('pending_queue_full', { message: `At most ${MAX_WAITING} attempts wait.` });
    }
    this.#inHand += 1;
    const turn = this.#last === null ? attempt() : this.#last.then(attempt);
    const settled = turn.then(ignore, ignore);
    this.#last = settled;
    try {
      return await turn;
    } finally {
      this.#inHand -= 1;
      if (this.#last === settled) this.#last = null;
    }
  }
}
