import type { ThreadEvent } from './wire.js';

/** What a reader needs of its thread. */
export interface ReadableLog {
  /** The last event that has come in. */
  head(): number;
  /** A page behind `after`. */
  read(after: number): Promise<readonly ThreadEvent[]>;
  /** The reader has seen more. */
  seen(): void;
  left(reader: EventReader): void;
}

/**
 * The events of a thread one by one, for `for await`. It keeps a bounded number of them. A consumer that is slower than that leaves
 * live delivery: it reads on from the log, page by page, until it has come to the present. It misses nothing, repeats
 * nothing, and what it has not taken is not acknowledged.
 */
export class EventReader implements AsyncIterableIterator<ThreadEvent> {
  readonly #buffer: ThreadEvent[] = [];
  #behind: boolean;
  #last: number | null;
  #handedOut: number | null;
  #seen: number | null;
  #error: Error | null = null;
  #done = false;
  #wake: (() => void) | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  /** `after` null: from wherever the thread begins to be followed. */
  constructor(
    private readonly log: ReadableLog,
    private readonly maxBuffered: number,
    after: number | null,
  ) {
    this.#last = this.#handedOut = this.#seen = after;
    this.#behind = after !== null && after < log.head();
  }

  /** The last event that its consumer is done with; null: nothing has come yet. */
  get consumed(): number | null {
    return this.#seen;
  }

  /** How many events wait to be taken. */
  get buffered(): number {
    return this.#buffer.length;
  }

  /** It reads from the log. */
  get behind(): boolean {
    return this.#behind;
  }

  /** The position at which the thread begins. */
  begin(seq: number): void {
    this.#last ??= seq;
    this.#handedOut ??= seq;
    this.#seen ??= seq;
  }

  offer(events: readonly ThreadEvent[]): void {
    for (const event of events) {
      if (this.#behind || event.seq <= (this.#last ?? 0)) continue;
      if (this.#buffer.length >= this.maxBuffered) this.#behind = true;
      else this.#keep(event);
    }
    this.#wakeUp();
  }

  /** Nothing more will come; what was kept can still be taken. */
  end(error: Error | null): void {
    this.#done = true;
    this.#error = error;
    this.#wakeUp();
  }

  next(): Promise<IteratorResult<ThreadEvent>> {
    const taken = this.#turn.then(() => this.#take());
    this.#turn = taken.catch(() => undefined);
    return taken;
  }

  async return(): Promise<IteratorResult<ThreadEvent>> {
    this.#buffer.length = 0;
    this.end(null);
    this.log.left(this);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #take(): Promise<IteratorResult<ThreadEvent>> {
    this.#seen = this.#handedOut;
    this.log.seen();
    while (true) {
      const event = this.#buffer.shift();
      if (event !== undefined) {
        this.#handedOut = event.seq;
        return { done: false, value: event };
      }
      if (this.#error !== null) throw this.#error;
      if (this.#done) return { done: true, value: undefined };
      if (this.#behind) await this.#catchUp();
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** A page of the log, up to where live delivery stands now: there it goes on without a seam. */
  async #catchUp(): Promise<void> {
    const page = await this.log.read(this.#last ?? 0);
    if (this.#done) return;
    for (const event of page) {
      if (event.seq <= this.log.head() && this.#buffer.length < this.maxBuffered) this.#keep(event);
    }
    this.#behind = (this.#last ?? 0) < this.log.head();
  }

  #keep(event: ThreadEvent): void {
    this.#buffer.push(event);
    this.#last = event.seq;
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
