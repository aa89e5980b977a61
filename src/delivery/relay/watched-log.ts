import type { LogHead, StoredEvent } from '../../storage/index.js';
import type { CommitMessage } from './commit-message.js';

/** What is to be done next. `look`: ask the storage which log there is, and how long it is. `read`: read on from the cursor. */
export type Need = 'nothing' | 'look' | 'read';

const NOTHING: readonly StoredEvent[] = [];

/**
 * How far this node has been told of a thread's log: by what it commits itself, by what it hears, by what it reads. The
 * cursor only moves forward, one seq after the other, and never from one log into another one of the same thread.
 */
export class WatchedLog {
  #epoch: string | null = null;
  #cursor = 0;
  /** The last seq that is known to exist. */
  #head = 0;

  /** Null: it is not known which log there is. */
  get epoch(): string | null {
    return this.#epoch;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** More is known to exist than was told. */
  get isBehind(): boolean {
    return this.#epoch !== null && this.#head > this.#cursor;
  }

  /** Everything behind this head is to be told. */
  begin({ epoch, head }: LogHead): void {
    this.#epoch = epoch;
    this.#cursor = this.#head = head;
  }

  /** It is gone, or another one has taken its place. */
  forget(): void {
    this.#epoch = null;
    this.#cursor = this.#head = 0;
  }

  /** Of the storage, of this very log. */
  grown(head: number): Need {
    this.#head = Math.max(this.#head, head);
    return this.isBehind ? 'read' : 'nothing';
  }

  /** This node has committed these itself, and all who listen have been told. */
  committedHere(epoch: string, first: number, last: number): Need {
    // A log that begins here was told from its beginning.
    if (this.#epoch === null && first === 1) this.begin({ epoch, head: last });
    if (this.#epoch !== epoch) return 'look';
    if (first <= this.#cursor + 1) this.#cursor = Math.max(this.#cursor, last);
    return this.grown(last);
  }

  /** What of it is to be told now; the cursor has moved past it. */
  heard(message: CommitMessage): { readonly tell: readonly StoredEvent[]; readonly need: Need } {
    if (message.kind === 'deleted' || this.#epoch !== message.epoch) return { tell: NOTHING, need: 'look' };
    if (message.kind === 'grown') return { tell: NOTHING, need: this.grown(message.head) };
    const tell = this.read(message.events);
    return { tell, need: this.grown(message.events.at(-1)?.seq ?? 0) };
  }

  /** Events of this very log, contiguous: what of them is to be told now. */
  read(events: readonly StoredEvent[]): readonly StoredEvent[] {
    const [first, last] = [events[0]?.seq ?? 0, events.at(-1)?.seq ?? 0];
    if (last <= this.#cursor || first > this.#cursor + 1) return NOTHING;
    const tell = first === this.#cursor + 1 ? events : events.slice(this.#cursor + 1 - first);
    this.#cursor = last;
    this.#head = Math.max(this.#head, last);
    return tell;
  }
}
