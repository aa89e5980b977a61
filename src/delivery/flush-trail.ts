import type { Sink } from './sink.js';

/** Up to where what was handed to a sink has certainly left the process. Two numbers, whatever is delivered. */
export class FlushTrail {
  /** What the sink had been handed in all when the present position was reached. */
  #mark = 0;
  #through: number;

  constructor(
    private readonly sink: Sink,
    from: number,
  ) {
    this.#through = from;
  }

  /** More is about to be handed over, and this is the position until then. */
  leave(position: number): void {
    this.#through = this.through(position);
  }

  /** It was handed over. */
  arrive(): void {
    this.#mark = this.sink.handedOverBytes;
  }

  /** The position itself once all has left. */
  through(position: number): number {
    return this.#mark <= this.sink.flushedBytes ? position : this.#through;
  }
}
