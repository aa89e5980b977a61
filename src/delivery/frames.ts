import type { EventFrame } from './event-frame.js';
import { Packets } from './packet.js';

/** Neighbouring events of one thread that go out together. What is encoded of them is encoded once for all readers. */
export class Frames {
  /** The first seq that they cover, and the last. */
  readonly from: number;
  readonly seq: number;
  /** About how many bytes they take. */
  readonly size: number;
  /** One of them may take somebody's access away. */
  readonly changesAccess: boolean;
  #singles: Packets | null = null;
  #batch: Packets | null = null;

  /** Not empty, in order of seq. */
  constructor(readonly all: readonly EventFrame[]) {
    const [first] = all;
    const last = all.at(-1);
    if (first === undefined || last === undefined) throw new Error('no frames');
    this.from = first.from;
    this.seq = last.seq;
    this.size = all.reduce((sum, frame) => sum + frame.size, 0);
    this.changesAccess = all.some((frame) => frame.type === 'thread_updated');
  }

  /** A Socket.IO packet for each of them. */
  get singles(): Packets {
    this.#singles ??= new Packets(() => this.all.map((frame) => frame.packet));
    return this.#singles;
  }

  /** One Socket.IO packet of them all: the event `events`. */
  get batch(): Packets {
    this.#batch ??= new Packets(() => [`2["events",[${this.all.map((frame) => frame.json).join(',')}]]`]);
    return this.#batch;
  }

  get length(): number {
    return this.all.length;
  }

  /** Those above a seq; null: none is. */
  above(seq: number): Frames | null {
    const first = this.all[0];
    if (first !== undefined && first.seq > seq) return this;
    const rest = this.all.filter((frame) => frame.seq > seq);
    return rest.length === 0 ? null : new Frames(rest);
  }

  /** The first `count` of them, at least one. */
  first(count: number): Frames {
    return count >= this.all.length ? this : new Frames(this.all.slice(0, count));
  }
}
