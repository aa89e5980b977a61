/** A timer that was set; cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * The only door to time. Nothing else in the server reads the date or sets a timer, so that tests can
 * hold time still and move it.
 */
export abstract class Clock {
  /** Unix time in ms. */
  abstract now(): number;

  /** Ms since some fixed moment, never going back; for durations. */
  abstract monotonic(): number;

  /** Calls `fire` once after `delayMs`. The timer keeps no process alive. */
  abstract after(delayMs: number, fire: () => void): Timer;

  /** Calls `fire` again and again, `periodMs` apart. The timer keeps no process alive. */
  abstract every(periodMs: number, fire: () => void): Timer;

  /** Calls `fire` once the event loop has had its turn at what is pending: batches without adding a delay. */
  soon(fire: () => void): void {
    setImmediate(fire);
  }

  /** Resolves after `delayMs`; rejects with the signal's reason when that is aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(abortReason(signal));
        return;
      }
      const onAbort = (): void => {
        timer.cancel();
        reject(abortReason(signal));
      };
      const timer = this.after(delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted');
}
