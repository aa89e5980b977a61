import { Clock, type Timer } from '../clock/index.js';

interface SetTimer {
  due: number;
  readonly periodMs: number | null;
  readonly fire: () => void;
}

/**
 * Time that stands still until a test moves it. Timers fire inside `advance`, in the order in which they are
 * due and, where that is equal, in which they were set. Promises that a timer resolves are continued after
 * `advance` has returned, as with any synchronous call.
 */
export class ManualClock extends Clock {
  /** In the order of due time; equal ones in the order of setting. */
  private readonly timers: SetTimer[] = [];
  private elapsedMs = 0;

  /** `startsAt`: Unix ms. */
  constructor(private readonly startsAt = Date.UTC(2025, 0, 1)) {
    super();
  }

  override now(): number {
    return this.startsAt + this.elapsedMs;
  }

  override monotonic(): number {
    return this.elapsedMs;
  }

  override after(delayMs: number, fire: () => void): Timer {
    return this.set({ due: this.elapsedMs + Math.max(0, delayMs), periodMs: null, fire });
  }

  override every(periodMs: number, fire: () => void): Timer {
    if (!(periodMs > 0)) throw new RangeError(`A period has to be above 0 ms, not ${periodMs}.`);
    return this.set({ due: this.elapsedMs + periodMs, periodMs, fire });
  }

  /** How many timers are set: what a test that ends should have brought back to where it was. */
  get pendingTimers(): number {
    return this.timers.length;
  }

  /** Moves time on and fires what is due by then, timers included that are set or repeat on the way. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`Time moves on by 0 ms or more, not by ${ms}.`);
    const until = this.elapsedMs + ms;
    for (let next = this.timers[0]; next !== undefined && next.due <= until; next = this.timers[0]) {
      this.timers.shift();
      this.elapsedMs = next.due;
      if (next.periodMs !== null) {
        next.due += next.periodMs;
        this.insert(next);
      }
      next.fire();
    }
    this.elapsedMs = until;
  }

  private set(timer: SetTimer): Timer {
    this.insert(timer);
    return {
      cancel: () => {
        const index = this.timers.indexOf(timer);
        if (index >= 0) this.timers.splice(index, 1);
      },
    };
  }

  private insert(timer: SetTimer): void {
    const later = this.timers.findIndex((other) => other.due > timer.due);
    this.timers.splice(later < 0 ? this.timers.length : later, 0, timer);
  }
}
