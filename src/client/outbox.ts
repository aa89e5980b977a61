import type { Answer, Answers, RequestType } from '../protocol/index.js';
import { ThreadcastClientError } from './client-error.js';
import type { Payloads } from './requests.js';
import { backoff, later } from './surroundings.js';
import { retryAfter } from './wire.js';

/**
 * Sends a request on the present connection; false: there is none, and nothing was sent. The answer is never told when the
 * connection ends before.
 */
export type Emit = (type: RequestType, payload: object, answered: (answer: Answer) => void) => boolean;

interface Entry {
  readonly type: RequestType;
  /** Made when it is first sent, and the same from then on. */
  readonly payload: () => object;
  /** Waits until everything ordered before it was answered. */
  readonly ordered: boolean;
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
  /** The connection on which it was sent; null: to be sent. */
  sentOn: number | null;
  tries: number;
  calledOff: (() => void) | null;
}

/**
 * Requests that were not answered yet. They survive connections: what was not answered on one is sent again on the next,
 * which is safe because messages and starts carry a `messageId`, new threads their id, and the others change nothing
 * when they are repeated. Messages and starts go one after the other, so that they arrive in the order given, whatever
 * the network does; a refused one makes way for the next. Bounded: what is over is refused and never sent.
 */
export class Outbox {
  readonly #entries = new Set<Entry>();
  #connection = 0;
  #open = false;
  #repeated = 0;

  constructor(
    private readonly emit: Emit,
    private readonly maxWaiting: number,
    private readonly changed: () => void,
  ) {}

  get waiting(): number {
    return this.#entries.size;
  }

  /** Requests that were sent again on another connection, because their answer had not come. */
  get repeated(): number {
    return this.#repeated;
  }

  /** With `answered`, which is told the answer before anything more is sent, the request goes behind those before it. */
  ask<T extends RequestType>(
    type: T,
    payload: () => Payloads[T],
    answered?: (answer: Answers[T]) => void,
  ): Promise<Answers[T]> {
    return new Promise((resolve, reject) => {
      if (this.#entries.size >= this.maxWaiting) {
        const message = `More than ${this.maxWaiting} requests wait for their answers.`;
        reject(new ThreadcastClientError('outbox_full', message, { retryable: true }));
        return;
      }
      let made: Payloads[T] | null = null;
      this.#entries.add({
        type,
        payload: () => (made ??= payload()),
        ordered: answered !== undefined,
        settle: (answer) => {
          if (!answer.ok) {
            reject(ThreadcastClientError.of(answer.error));
            return;
          }
          const good = answer as unknown as Answers[T];
          answered?.(good);
          resolve(good);
        },
        fail: reject,
        sentOn: null,
        tries: 0,
        calledOff: null,
      });
      this.#pump();
      this.changed();
    });
  }

  /** Requests are served from here on: sends what waits. */
  open(): void {
    this.#connection += 1;
    this.#open = true;
    for (const entry of this.#entries) if (entry.sentOn !== null) this.#repeated += 1;
    this.#pump();
  }

  /** The connection has gone; what was not answered on it is to be sent again. */
  shut(): void {
    this.#open = false;
  }

  /** Nothing is sent any more, and all that waits is told. */
  close(error: Error): void {
    this.#open = false;
    for (const entry of this.#entries) {
      entry.calledOff?.();
      entry.fail(error);
    }
    this.#entries.clear();
  }

  #pump(): void {
    if (!this.#open) return;
    let turn = true;
    for (const entry of this.#entries) {
      const mayGo = turn || !entry.ordered;
      if (entry.ordered) turn = false;
      if (mayGo && entry.sentOn !== this.#connection && entry.calledOff === null) this.#send(entry);
    }
  }

  #send(entry: Entry): void {
    const connection = (entry.sentOn = this.#connection);
    this.emit(entry.type, entry.payload(), (answer) => {
      if (connection === this.#connection && this.#entries.has(entry)) this.#answered(entry, answer);
    });
  }

  #answered(entry: Entry, answer: Answer): void {
    const again = answer.ok ? null : retryAfter(answer.error, entry.tries, backoff);
    if (again === null) {
      this.#entries.delete(entry);
      entry.settle(answer);
    } else {
      entry.tries += 1;
      entry.sentOn = null;
      entry.calledOff = later(again, () => {
        entry.calledOff = null;
        this.#pump();
      });
    }
    this.#pump();
    this.changed();
  }
}
