import { ThreadcastError, type WireError } from '../errors/index.js';

/** What a mailbox holds. */
export interface Letter {
  /** Of its JSON text. */
  readonly bytes: number;
  /** When it came, monotonic. */
  readonly receivedAt: number;
  /** Answers it. Never rejects. */
  process(): Promise<void>;
  fail(error: WireError): void;
  /** Gives it up: nobody is there to be answered. */
  drop(): void;
}

export interface MailboxBounds {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/**
 * The requests of one connection, taken one after the other in the order sent. Closed at first: what comes before
 * the connection is ready is held. What waits is bounded in count and bytes; what is over is answered, not kept.
 */
export class Mailbox {
  #waiting: Letter[] = [];
  #bytes = 0;
  #open = false;
  #working = false;

  constructor(private readonly bounds: MailboxBounds) {}

  /** Requests that wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** The one that waits longest. */
  get oldest(): Letter | undefined {
    return this.#waiting[0];
  }

  get isOpen(): boolean {
    return this.#open;
  }

  put(letter: Letter): void {
    const { maxMessages, maxBytes } = this.bounds;
    const waits = !this.#open || this.#working;
    if (waits && (this.#waiting.length >= maxMessages || this.#bytes + letter.bytes > maxBytes)) {
      const message = `At most ${maxMessages} requests or ${maxBytes} bytes wait per connection.`;
      letter.fail(new ThreadcastError('pending_queue_full', { message }).toWire());
      return;
    }
    this.#waiting.push(letter);
    this.#bytes += letter.bytes;
    void this.#work();
  }

  /** From now on requests are taken, the held ones first. */
  open(): void {
    this.#open = true;
    void this.#work();
  }

  /** Gives back everything that waits; the mailbox goes on. */
  takeAll(): readonly Letter[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return waiting;
  }

  async #work(): Promise<void> {
    if (!this.#open || this.#working) return;
    this.#working = true;
    for (let next = this.#take(); next !== undefined; next = this.#take()) await next.process();
    this.#working = false;
  }

  #take(): Letter | undefined {
    const next = this.#waiting.shift();
    if (next !== undefined) this.#bytes -= next.bytes;
    return next;
  }
}
