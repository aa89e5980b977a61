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
    return new NodeTimer(handle);
  }

  override every(periodMs: number, fire: () => void): Timer {
    const handle = setInterval(fire, periodMs);
    handle.unref();
    return new NodeTimer(handle);
  }
}

/** A class, not a closure for each: every connection has a timer for as long as it lives. */
class NodeTimer implements Timer {
  readonly #handle: NodeJS.Timeout;

  constructor(handle: NodeJS.Timeout) {
    this.#handle = handle;
  }

  cancel(): void {
    clear(this.#handle);
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
