import type { Timer } from '../../src/clock/index.js';
import { ManualClock } from '../../src/testing/index.js';

/** A manual clock that tells when somebody begins to wait, so that a test moves time when it is waited for. */
export class WatchedClock extends ManualClock {
  readonly #set: number[] = [];
  readonly #waiting: { readonly delayMs: number; readonly resolve: () => void }[] = [];

  override after(delayMs: number, fire: () => void): Timer {
    const timer = super.after(delayMs, fire);
    const index = this.#waiting.findIndex((waiter) => waiter.delayMs === delayMs);
    if (index === -1) this.#set.push(delayMs);
    else for (const waiter of this.#waiting.splice(index, 1)) waiter.resolve();
    return timer;
  }

  /** Resolves when a timer of this delay has been set, each time another one. */
  timer(delayMs: number): Promise<void> {
    const index = this.#set.indexOf(delayMs);
    if (index === -1) return new Promise((resolve) => this.#waiting.push({ delayMs, resolve }));
    this.#set.splice(index, 1);
    return Promise.resolve();
  }

  /** Moves time on, turn after turn, until this has settled: for an end that takes pauses. */
  async during(work: Promise<unknown>): Promise<void> {
    const progress = { settled: false };
    const over = work.finally(() => (progress.settled = true));
    while (!progress.settled) {
      this.advance(100);
      await new Promise<void>((resolve) => this.soon(resolve));
    }
    await over;
  }
}
