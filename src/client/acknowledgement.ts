import type { Emit } from './outbox.js';
import { backoff, later } from './surroundings.js';

const AT_ONCE = 100;
const SOON_MS = 500;

/** Tells the server how far the user has come in one thread: after so many events, or a moment later. */
export class Acknowledgement {
  #acknowledged = 0;
  #asked = 0;
  #tries = 0;
  #calledOff: (() => void) | null = null;
  #settled: (() => void)[] = [];

  constructor(
    private readonly threadId: string,
    private readonly emit: Emit,
    /** What everybody here has seen. */
    private readonly seen: () => number,
  ) {}

  /** Something more may have been seen. */
  soon(): void {
    const owed = this.seen() - this.#asked;
    if (owed >= AT_ONCE && this.#tries === 0) this.#flush();
    else if (owed > 0)
      this.#calledOff ??= later(this.#tries === 0 ? SOON_MS : backoff(this.#tries), () => this.#flush());
  }

  /** What was on its way may not have come; it is told again on the next connection. */
  disconnected(): void {
    this.#stop();
    this.#asked = this.#acknowledged;
    this.#settle();
  }

  /** The log is another one. */
  reset(): void {
    this.#stop();
    this.#acknowledged = this.#asked = 0;
  }

  /** Tells what is owed now. Resolves when it was answered, or when the connection has gone. */
  async finish(): Promise<void> {
    this.#flush();
    this.#stop();
    if (this.#asked > this.#acknowledged) await new Promise<void>((resolve) => this.#settled.push(resolve));
  }

  #stop(): void {
    this.#calledOff?.();
    this.#calledOff = null;
  }

  #flush(): void {
    this.#stop();
    const seq = this.seen();
    if (seq <= this.#asked) return;
    this.#asked = seq;
    const sent = this.emit('ack_events', { threadId: this.threadId, seq }, (answer) => {
      if (seq > this.#asked) return;
      if (answer.ok) {
        this.#acknowledged = Math.max(this.#acknowledged, seq);
        this.#tries = 0;
      } else {
        this.#asked = this.#acknowledged;
        this.#tries += 1;
        if (answer.error.retryable) this.soon();
      }
      if (this.#asked <= this.#acknowledged) this.#settle();
    });
    if (!sent) this.#asked = this.#acknowledged;
  }

  #settle(): void {
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}
