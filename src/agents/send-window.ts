/** Bytes handed over and not settled, from which on further ones wait. */
const MAX_UNSETTLED_BYTES = 1_048_576;
/** What may wait for room, before whoever sends is taken for one that waits for nothing. */
const MAX_WAITING_BYTES = 8_388_608;
const MAX_WAITING_SENDS = 10_000;

interface Waiting {
  readonly bytes: number;
  readonly send: () => Promise<unknown>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * What one run sends to the log: in the order of the calls, and no more at once than a bound. Past it a send waits;
 * that is the back pressure that an agent feels when it awaits `emit`.
 *
 * The promises given out may be left alone: what they reject with is told to `onFailure` first. What comes when it is
 * closed, or waits then, is refused and told to `onRefused`.
 */
export class SendWindow {
  #waiting: Waiting[] = [];
  /** Those before it have been sent. */
  #next = 0;
  #waitingBytes = 0;
  #unsettledBytes = 0;
  #unsettled = 0;
  #closed: Error | null = null;
  #quiet: (() => void)[] = [];

  constructor(
    private readonly onFailure: (reason: unknown) => void,
    private readonly onRefused: (sends: number) => void,
  ) {}

  /** Resolves when what `send` began has been done; rejects with its reason, or with that of the closing. */
  push(bytes: number, send: () => Promise<unknown>): Promise<void> {
    return looked(this.#push(bytes, send));
  }

  /** What was to be sent cannot be: as a send that fails. */
  refuse(reason: unknown): Promise<never> {
    if (this.#closed === null) this.onFailure(reason);
    return looked(Promise.reject(asError(reason)));
  }

  /** Takes nothing more; what waits is still sent. */
  seal(reason: Error): void {
    this.#closed ??= reason;
  }

  /** Takes nothing more, and what waits is not sent either. */
  close(reason: Error): void {
    this.seal(reason);
    const dropped = this.#waiting.slice(this.#next);
    this.#waiting = [];
    this.#next = 0;
    this.#waitingBytes = 0;
    if (dropped.length > 0) this.onRefused(dropped.length);
    for (const { reject } of dropped) reject(reason);
    this.#tellQuiet();
  }

  /** Handed over and not settled, or waiting for room. */
  get unsettledBytes(): number {
    return this.#unsettledBytes + this.#waitingBytes;
  }

  get closed(): boolean {
    return this.#closed !== null;
  }

  /** Resolves when everything that was pushed is done, has failed, or was dropped. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#quiet.push(resolve);
      this.#tellQuiet();
    });
  }

  #push(bytes: number, send: () => Promise<unknown>): Promise<void> {
    if (this.#closed !== null) {
      this.onRefused(1);
      return Promise.reject(this.#closed);
    }
    const waiting = this.#waiting.length - this.#next;
    if (waiting === 0 && this.#unsettledBytes < MAX_UNSETTLED_BYTES) return this.#send(bytes, send);
    if (waiting >= MAX_WAITING_SENDS || this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      return this.refuse(new Error('The agent emits without waiting, faster than its events can be stored.'));
    }
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => this.#waiting.push({ bytes, send, resolve, reject }));
  }

  async #send(bytes: number, send: () => Promise<unknown>): Promise<void> {
    this.#unsettledBytes += bytes;
    this.#unsettled += 1;
    try {
      await send();
    } catch (error) {
      this.onFailure(error);
      throw error;
    } finally {
      this.#unsettledBytes -= bytes;
      this.#unsettled -= 1;
      this.#sendWaiting();
      this.#tellQuiet();
    }
  }

  #sendWaiting(): void {
    while (this.#unsettledBytes < MAX_UNSETTLED_BYTES) {
      const next = this.#waiting[this.#next];
      if (next === undefined) break;
      this.#next += 1;
      this.#waitingBytes -= next.bytes;
      this.#send(next.bytes, next.send).then(next.resolve, next.reject);
    }
    if (this.#next * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  }

  #tellQuiet(): void {
    if (this.#unsettled > 0 || this.#waiting.length > this.#next) return;
    for (const resolve of this.#quiet.splice(0)) resolve();
  }
}

/** A promise whose rejection was dealt with, whether or not whoever gets it looks. */
export function looked<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** An agent's own data may have thrown this: it need not have a text. */
function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('The event could not be made.', { cause: reason });
}
