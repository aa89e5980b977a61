import type { ThreadId } from '../ids/index.js';
import type { FollowingEnd, FollowingView } from './following-view.js';
import { Names } from './names.js';

/** A following that has ended. */
export type EndedFollowing = FollowingView & { readonly closedAt: number; readonly closedBy: FollowingEnd };

const PER_BLOCK = 4_096;
const NUMBERS = 8;
const LINKS = 6;
const RECORD_BYTES = NUMBERS * 8 + LINKS * 4 + 1;

const [THREAD, EPOCH, CONNECTION, USER, BACK_IN_THREAD, BACK_IN_CONNECTION] = [0, 1, 2, 3, 4, 5];
const CLOSED_AT = 0;
const [RESUMED, WAITS, END_STEP] = [1, 2, 4];
const ENDS: Readonly<Record<FollowingEnd, number>> = {
  ...{ released: 0, switched: 1, repositioned: 2, connection_closed: 3 },
  ...{ deleted: 4, access_removed: 5 },
};
const END_NAMES = Object.keys(ENDS) as FollowingEnd[];

interface Block {
  /** NaN is null. */
  readonly numbers: Float64Array;
  /** Its names, and how many records back the one before of its thread and of its connection is; 0: none. */
  readonly links: Uint32Array;
  readonly flags: Uint8Array;
}

/**
 * Records of ended followings in the order in which they ended, as numbers in blocks that the garbage collector does not
 * look into. What is forgotten is always the oldest one. Those of a thread, and those of a connection, are a chain from
 * the newest to older ones, which ends where it leads to what is forgotten.
 */
export class FollowingRecords {
  readonly #blocks = new Map<number, Block>();
  readonly #threads = new Names();
  readonly #epochs = new Names();
  readonly #connections = new Names();
  readonly #users = new Names();
  /** The newest record, by the number of the name. */
  readonly #lastOfThread: number[] = [];
  readonly #lastOfConnection: number[] = [];
  /** Records are counted on for ever. */
  #first = 0;
  #next = 0;

  get size(): number {
    return this.#next - this.#first;
  }

  /** About what all this takes. */
  get bytes(): number {
    const names = [this.#threads, this.#epochs, this.#connections, this.#users];
    return this.#blocks.size * PER_BLOCK * RECORD_BYTES + names.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** When the oldest one ended; null: there is none. */
  get oldest(): number | null {
    return this.size === 0 ? null : this.closedAt(this.#first);
  }

  add(ended: EndedFollowing): void {
    const record = this.#next;
    const { numbers, links, flags } = this.#blockFor(record);
    const place = record % PER_BLOCK;
    const thread = this.#threads.use(ended.threadId);
    const connection = this.#connections.use(ended.connectionId);
    const epoch = this.#epochs.use(ended.epoch);
    const back = [this.#back(this.#lastOfThread, thread), this.#back(this.#lastOfConnection, connection)];
    links.set([thread, epoch, connection, this.#users.use(ended.userId), ...back], place * LINKS);
    const { closedAt, openedAt, from, position, flushedThrough } = ended;
    const maybe = [ended.flushedAt, ended.acknowledged, ended.acknowledgedAt].map((value) => value ?? Number.NaN);
    numbers.set([closedAt, openedAt, from, position, flushedThrough, ...maybe], place * NUMBERS);
    const resumed = ended.resumed ? RESUMED : 0;
    flags[place] = resumed + (ended.waitsForConnection ? WAITS : 0) + ENDS[ended.closedBy] * END_STEP;
    this.#lastOfThread[thread] = record;
    this.#lastOfConnection[connection] = record;
    this.#next += 1;
  }

  /** Forgets the oldest one, if there is any. */
  dropOldest(): void {
    if (this.size === 0) return;
    const record = this.#first;
    this.#threads.release(this.#link(record, THREAD));
    this.#epochs.release(this.#link(record, EPOCH));
    this.#connections.release(this.#link(record, CONNECTION));
    this.#users.release(this.#link(record, USER));
    this.#first += 1;
    if (this.#first % PER_BLOCK === 0) this.#blocks.delete(this.#first / PER_BLOCK - 1);
  }

  /** The records of a thread, the newest first; `userId`: of this user alone. */
  *ofThread(threadId: ThreadId, userId?: string): Generator<number> {
    const thread = this.#threads.numberOf(threadId);
    const user = userId === undefined ? undefined : this.#users.numberOf(userId);
    if (thread === undefined || (userId !== undefined && user === undefined)) return;
    for (const record of this.#chain(this.#lastOfThread[thread], BACK_IN_THREAD)) {
      if (user === undefined || this.#link(record, USER) === user) yield record;
    }
  }

  /** The records of a connection, the newest first. */
  *ofConnection(connectionId: string): Generator<number> {
    const connection = this.#connections.numberOf(connectionId);
    if (connection !== undefined) yield* this.#chain(this.#lastOfConnection[connection], BACK_IN_CONNECTION);
  }

  closedAt(record: number): number {
    return this.#numbers(record)[CLOSED_AT] ?? 0;
  }

  view(record: number): EndedFollowing {
    const flags = this.#block(record).flags[record % PER_BLOCK] ?? 0;
    const [closedAt = 0, openedAt = 0, from = 0, position = 0, flushedThrough = 0, ...maybe] = this.#numbers(record);
    const [flushedAt = null, acknowledged = null, acknowledgedAt = null] = maybe.map(orNull);
    return {
      threadId: this.#threads.nameOf(this.#link(record, THREAD)) as ThreadId,
      epoch: this.#epochs.nameOf(this.#link(record, EPOCH)),
      connectionId: this.#connections.nameOf(this.#link(record, CONNECTION)),
      userId: this.#users.nameOf(this.#link(record, USER)),
      ...{ state: 'closed', stateSince: closedAt, waitsForConnection: (flags & WAITS) !== 0, openedAt },
      ...{ from, resumed: (flags & RESUMED) !== 0, position, flushedThrough },
      ...{ flushedAt, acknowledged, acknowledgedAt, closedAt },
      closedBy: END_NAMES[Math.floor(flags / END_STEP)] ?? 'released',
    };
  }

  *#chain(newest: number | undefined, back: number): Generator<number> {
    for (let record = newest ?? -1; record >= this.#first;) {
      yield record;
      const step = this.#link(record, back);
      if (step === 0) return;
      record -= step;
    }
  }

  /** How far back the newest record of a name is; 0 also where that is forgotten: another had the number. */
  #back(last: readonly number[], name: number): number {
    const newest = last[name] ?? -1;
    return newest < this.#first ? 0 : this.#next - newest;
  }

  #blockFor(record: number): Block {
    const index = Math.floor(record / PER_BLOCK);
    const present = this.#blocks.get(index);
    if (present !== undefined) return present;
    const made: Block = {
      numbers: new Float64Array(PER_BLOCK * NUMBERS),
      links: new Uint32Array(PER_BLOCK * LINKS),
      flags: new Uint8Array(PER_BLOCK),
    };
    this.#blocks.set(index, made);
    return made;
  }

  #block(record: number): Block {
    const block = this.#blocks.get(Math.floor(record / PER_BLOCK));
    if (block === undefined) throw new Error('The record is forgotten.');
    return block;
  }

  #link(record: number, which: number): number {
    return this.#block(record).links[(record % PER_BLOCK) * LINKS + which] ?? 0;
  }

  #numbers(record: number): Float64Array {
    const start = (record % PER_BLOCK) * NUMBERS;
    return this.#block(record).numbers.subarray(start, start + NUMBERS);
  }
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
