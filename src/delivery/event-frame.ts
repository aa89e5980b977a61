import { envelopeJson, firstSeq, type EventSpan } from '../threads/index.js';

/** One event on its way out: encoded at most once, however many connections it goes to. */
export class EventFrame {
  readonly #span: EventSpan;
  #json: string | null = null;

  constructor(span: EventSpan) {
    this.#span = span;
  }

  get type(): string {
    return this.#span.type;
  }

  /** The first seq that it covers. */
  get from(): number {
    return firstSeq(this.#span);
  }

  get seq(): number {
    return this.#span.seq;
  }

  /** JSON text of the event's data. */
  get data(): string {
    return this.#span.data;
  }

  /** The envelope as JSON text. */
  get json(): string {
    this.#json ??= envelopeJson(this.#span);
    return this.#json;
  }

  /** The whole Socket.IO packet of this event under its type's name. */
  get packet(): string {
    return `2["${this.#span.type}",${this.json}]`;
  }

  /** About how many bytes it takes; at least its characters. */
  get size(): number {
    return this.#span.data.length + 200;
  }
}
