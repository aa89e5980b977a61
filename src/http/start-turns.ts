import { Injectable } from '@nestjs/common';

import type { ThreadId } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import { WaitPlaces } from './wait-places.js';

/** What makes a start the same as another one. */
interface StartName {
  readonly userId: string;
  readonly threadId: ThreadId;
  readonly messageId: string;
}

/**
 * A start that waits for a connection is not stored yet, so a repetition of it is not known by the log. It stands
 * behind the first one here: when that is stored the repetition gets its answer, and when it is refused goes its own way.
 */
@Injectable()
export class StartTurns {
  readonly #ends = new Map<string, Promise<void>>();

  constructor(
    private readonly places: WaitPlaces,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Resolves when no other start under this name waits. `waits`: this one is going to, and those that come after it
   * stand behind it until the function that is given back has been called. Rejects with `pending_queue_full`.
   */
  async turn(name: StartName, waits: boolean): Promise<() => void> {
    const key = keyOf(name);
    if (this.#ends.has(key)) {
      const leave = this.places.enter(name.userId);
      for (let end = this.#ends.get(key); end !== undefined; end = this.#ends.get(key)) await end;
      leave();
      this.metrics.add('threadcast_http_connection_waits_total', { outcome: 'repeated' });
    }
    return waits ? this.#take(key) : () => undefined;
  }

  #take(key: string): () => void {
    let end!: () => void;
    this.#ends.set(key, new Promise((resolve) => (end = resolve)));
    return () => {
      this.#ends.delete(key);
      end();
    };
  }
}

function keyOf({ userId, threadId, messageId }: StartName): string {
  return JSON.stringify([userId, threadId, messageId]);
}
