import { Injectable } from '@nestjs/common';

import { Clock, type Timer } from './clock.js';

/** The machine's own time. */
@Injectable()
export class SystemClock extends Clock {
  override now(): number {
    return Date.now();
  }

  override monotonic(): number {
    return performance.now();
  }

  override after(delayMs: number, fire: () => void): Timer {
    const handle = setTimeout(fire, delayMs);
    handle.unref();
    return { cancel: () => clear(handle) };
  }

  override every(periodMs: number, fire: () => void): Timer {
    const handle = setInterval(fire, periodMs);
    handle.unref();
    return { cancel: () => clear(handle) };
  }
}

/**
 * Node keeps a list for each duration, and forgets one that is empty only with a timer that held the process: without
 * this, each token's time to its expiry would leave a list until then.
 */
function clear(handle: NodeJS.Timeout): void {
  handle.ref();
  clearTimeout(handle);
}
