import type { Answer, DetachReason } from '../protocol/index.js';
import { Acknowledgement } from './acknowledgement.js';
import { ThreadcastClientError } from './client-error.js';
import { EventReader } from './event-reader.js';
import { foldAll } from './fold.js';
import { Listeners, when } from './listeners.js';
import type { Emit } from './outbox.js';
import { backoff, later } from './surroundings.js';
import { EMPTY_VIEW, type ThreadView } from './view.js';
import type { Cursor, Refusal, ThreadEvent } from './wire.js';

/** `pending`: not followed at present; `replaying`, then `live`; `detached`: the server has ended it; `closed`: you have. */
export type ThreadStatus = 'pending' | 'replaying' | 'live' | 'detached' | 'closed';

export interface FollowOptions {
  /** Where to go on, as kept from `thread.cursor`. Default: the beginning of the log. `'head'`: only what comes from now on. */
  readonly from?: Cursor | 'head';
  /** Default true. False keeps no `thread.view`: it takes as much memory as the log says. Complete where `from` is not given. */
  readonly view?: boolean;
}

/** What a thread needs of its client. */
export interface ThreadHost {
  readonly emit: Emit;
  readonly maxBuffered: number;
  readonly acknowledges: boolean;
  read(threadId: string, after: number): Promise<readonly ThreadEvent[]>;
  /** An event came that does not follow the one before. */
  irregular(what: 'holes' | 'repetitions'): void;
  left(thread: FollowedThread): void;
}

/**
 * One thread that the client follows. Events come in their order, each once: what does not follow the event before is
 * not handed on, and the thread is followed anew from its cursor.
 */
export class FollowedThread {
  readonly #events = new Listeners<readonly ThreadEvent[]>();
  readonly #views = new Listeners<ThreadView>();
  readonly #resets = new Listeners<Cursor>();
  readonly #statuses = new Listeners<ThreadStatus>();
  readonly #readers = new Set<EventReader>();
  readonly #acknowledgement: Acknowledgement;
  #seq: number;
  #epoch: string | null;
  /** Null until the server has told the head at which it begins. */
  #start: number | null;
  #view: ThreadView | null;
  #status: ThreadStatus = 'pending';
  #error: ThreadcastClientError | null = null;
  /** Of the present request to follow: answers to those before count for nothing. */
  #attempt = 0;
  #tries = 0;
  #calledOff: (() => void) | null = null;

  constructor(
    readonly threadId: string,
    { from, view = true }: FollowOptions,
    private readonly host: ThreadHost,
  ) {
    const cursor = from === undefined || from === 'head' ? { seq: 0, epoch: null } : from;
    this.#seq = cursor.seq;
    this.#epoch = cursor.epoch;
    this.#start = from === 'head' ? null : cursor.seq;
    this.#view = view ? EMPTY_VIEW : null;
    this.#acknowledgement = new Acknowledgement(threadId, host.emit, () => this.#seen());
  }

  /** Keep this to go on from here in another process. */
  get cursor(): Cursor {
    return { seq: this.#seq, epoch: this.#epoch };
  }

  get status(): ThreadStatus {
    return this.#status;
  }

  /** Why it is detached. */
  get error(): ThreadcastClientError | null {
    return this.#error;
  }

  /** The thread as it is to be drawn, of all that has come so far; empty where it is followed with `view: false`. */
  get view(): ThreadView {
    return this.#view ?? EMPTY_VIEW;
  }

  /** Told of events as they come, those that came together at once. Returns what ends it. */
  onEvents(listener: (events: readonly ThreadEvent[]) => void): () => void {
    return this.#events.add(listener);
  }

  onView(listener: (view: ThreadView) => void): () => void {
    return this.#views.add(listener);
  }

  /** The log was deleted and made again: forget what you have. Events of the new one follow, from its beginning. */
  onReset(listener: (cursor: Cursor) => void): () => void {
    return this.#resets.add(listener);
  }

  onStatus(listener: (status: ThreadStatus) => void): () => void {
    return this.#statuses.add(listener);
  }

  /**
   * The events one by one, from where the thread began to be followed, or behind `after`. Ends when the thread is closed; throws
   * `thread_detached`, or `cursor_invalid` when the log was made again.
   */
  events({ after = this.#start }: { readonly after?: number | null } = {}): EventReader {
    const reader = new EventReader(
      {
        head: () => this.#seq,
        read: (behind) => this.host.read(this.threadId, behind),
        seen: () => this.#saw(),
        left: (it) => this.#forget(it),
      },
      this.host.maxBuffered,
      after,
    );
    if (this.#status === 'closed' || this.#status === 'detached') reader.end(this.#error);
    else this.#readers.add(reader);
    return reader;
  }

  /** Resolves when all that was in the log has come. Rejects where the thread cannot be followed. */
  caughtUp(): Promise<void> {
    return this.#until('live');
  }

  /** Resolves when the server has agreed that it is followed. */
  followed(): Promise<void> {
    return this.#until('replaying', 'live');
  }

  /** Follows it no longer. What was seen is acknowledged first. */
  close(): void {
    if (this.#status === 'closed' || this.#status === 'detached') return;
    void this.finish();
    this.host.left(this);
    this.end('closed', null);
  }

  /** Of the client: requests are served; follows from the cursor. */
  follow(): void {
    this.#calledOff?.();
    this.#calledOff = null;
    const attempt = (this.#attempt += 1);
    this.#become('pending');
    const after = this.#start === null ? {} : { after: this.#seq, ...(this.#epoch !== null && { epoch: this.#epoch }) };
    this.host.emit('subscribe_thread', { threadId: this.threadId, ...after }, (answer) => {
      if (attempt === this.#attempt) this.#answered(answer);
    });
    this.#saw();
  }

  /** Of the client: the connection has gone. */
  disconnected(): void {
    this.#attempt += 1;
    this.#calledOff?.();
    this.#calledOff = null;
    this.#acknowledgement.disconnected();
    this.#become('pending');
  }

  /** Of the client: these came in. */
  take(events: readonly ThreadEvent[]): void {
    // While a following is asked for, what comes belongs to the one before.
    if (this.#status !== 'replaying' && this.#status !== 'live') return;
    const seen = this.#seq;
    const wrong = events.findIndex((event) => {
      if ((event.from ?? event.seq) !== this.#seq + 1) return true;
      this.#seq = event.seq;
      return false;
    });
    const good = wrong === -1 ? events : events.slice(0, wrong);
    if (good.length > 0) this.#handOn(good);
    if (wrong === -1) {
      if (this.#seq > seen) this.#tries = 0;
      return;
    }
    const first = events[wrong];
    this.host.irregular(first !== undefined && (first.from ?? first.seq) <= this.#seq ? 'repetitions' : 'holes');
    this.#again();
  }

  /** Of the client: all up to the head has come. */
  live(head: number): void {
    if (this.#status !== 'replaying') return;
    if (head > this.#seq) {
      this.host.irregular('holes');
      this.#again();
    } else this.#become('live');
  }

  /** Of the client: the server has ended the following. */
  detach(reason: DetachReason): void {
    this.host.left(this);
    this.end('detached', ThreadcastClientError.detached(reason));
  }

  /** Of the client: tells the server what was seen. */
  finish(): Promise<void> {
    return this.#acknowledgement.finish();
  }

  /** Of the client: nothing more comes. */
  end(status: 'closed' | 'detached', error: ThreadcastClientError | null): void {
    this.#attempt += 1;
    this.#calledOff?.();
    this.#acknowledgement.disconnected();
    this.#error = error;
    for (const reader of this.#readers) reader.end(error);
    this.#readers.clear();
    this.#become(status);
  }

  #until(...wanted: readonly ThreadStatus[]): Promise<void> {
    const look = (): boolean => {
      if (this.#status === 'detached' || this.#status === 'closed') throw this.#error ?? ThreadcastClientError.closed();
      return wanted.includes(this.#status);
    };
    return when(look, (changed) => this.onStatus(changed));
  }

  #answered(answer: Answer): void {
    if (!answer.ok) {
      this.#refused(answer.error);
      return;
    }
    const { head, epoch } = answer as unknown as { head: number; epoch: string };
    this.#epoch = epoch;
    if (this.#start === null) {
      this.#start = this.#seq = head;
      for (const reader of this.#readers) reader.begin(head);
    }
    this.#become('replaying');
  }

  #refused(error: Refusal): void {
    if (error.code === 'cursor_invalid') this.#reset(error);
    else if (error.retryable) this.#again();
    else {
      this.host.left(this);
      this.end('detached', ThreadcastClientError.of(error));
    }
  }

  #reset(error: Refusal): void {
    const epoch = error.details?.['epoch'];
    this.#seq = this.#start = 0;
    this.#epoch = typeof epoch === 'string' ? epoch : null;
    this.#acknowledgement.reset();
    for (const reader of this.#readers) reader.end(ThreadcastClientError.of(error));
    this.#readers.clear();
    this.#resets.tell(this.cursor);
    if (this.#view !== null) this.#views.tell((this.#view = EMPTY_VIEW));
    this.#again();
  }

  /** Follows anew: at once, and later where that alone does not help. */
  #again(): void {
    this.#attempt += 1;
    this.#become('pending');
    const tries = this.#tries;
    this.#tries += 1;
    if (tries === 0) this.follow();
    else this.#calledOff ??= later(backoff(tries), () => this.follow());
  }

  #handOn(events: readonly ThreadEvent[]): void {
    for (const reader of this.#readers) reader.offer(events);
    if (this.#view !== null) this.#view = foldAll(this.#view, events);
    this.#events.tell(events);
    if (this.#view !== null) this.#views.tell(this.#view);
    this.#saw();
  }

  #saw(): void {
    if (this.host.acknowledges) this.#acknowledgement.soon();
  }

  #seen(): number {
    if (!this.host.acknowledges || this.#start === null) return 0;
    return Math.min(this.#seq, ...[...this.#readers].map((reader) => reader.consumed ?? 0));
  }

  #forget(reader: EventReader): void {
    this.#readers.delete(reader);
  }

  #become(status: ThreadStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#statuses.tell(status);
  }
}
