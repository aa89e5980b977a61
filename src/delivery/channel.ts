import type { Clock } from '../clock/index.js';
import type { ThreadId } from '../ids/index.js';
import type { LogHead, StoredEvent } from '../storage/index.js';
import type { Attachment, AttachmentChannel } from './attachment.js';
import { EventFrame } from './event-frame.js';
import { Frames } from './frames.js';

/** Turns of the event loop that what a busy thread has heard may wait for more of it. */
const MOST_TURNS = 8;
/** Characters that may wait so. */
const MOST_GATHERED = 65_536;

/** Who keeps the channels. */
export interface ChannelWatch {
  /** Nobody needs it any more; may be told more than once. */
  ended(channel: Channel): void;
  /**
   * What was heard has been handed out; the first of it was given to be appended then. `delivered`: somebody was
   * handed some of it.
   */
  flushed(channel: Channel, delivered: boolean, givenAt: number): void;
}

/**
 * A thread that is followed in this process: how far its log is known to have grown, and who reads along. It
 * lives as long as somebody holds it, and never longer than its log: a thread that is deleted and made again has
 * another channel.
 *
 * What it hears in a quiet moment goes out at once. While turn after turn of the event loop brings more, a few turns
 * are gathered and leave together: a write costs far more than an event in it. No timer is involved.
 */
export class Channel implements AttachmentChannel {
  readonly #attachments = new Set<Attachment>();
  #cursor = 0;
  #epoch: string | null = null;
  #holds = 0;
  #ended = false;
  #gathered: EventFrame[] = [];
  #gatheredChars = 0;
  /** When the first of what is gathered was given to be appended, monotonic; null: nothing is. */
  #gatheredSince: number | null = null;
  /** Since the last going out; null: the thread is quiet. */
  #turns: number | null = null;
  #heardInTurn = false;
  /** One for all turns: a busy thread has thousands of them a second. */
  readonly #atTurn = (): void => this.#turn();

  constructor(
    readonly threadId: ThreadId,
    private readonly clock: Clock,
    private readonly watch: ChannelWatch,
  ) {}

  get cursor(): number {
    return this.#cursor;
  }

  /** The mark of its log; null until it was read: the thread may not have been made yet. */
  get epoch(): string | null {
    return this.#epoch;
  }

  /** Its log is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  get isShared(): boolean {
    return this.#attachments.size > 1;
  }

  get attachments(): ReadonlySet<Attachment> {
    return this.#attachments;
  }

  /**
   * How far everybody who is live has got. Below the cursor, if only for a moment, when a head was read before the
   * commit was told.
   */
  get reached(): number {
    let reached = this.#cursor;
    for (const { state, position } of this.#attachments) if (state === 'live' && position < reached) reached = position;
    return reached;
  }

  /** Keeps the channel in place, so that it hears of commits, while a head is read. */
  hold(): () => void {
    this.#holds += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      this.#closeIfEmpty();
    };
  }

  add(attachment: Attachment): void {
    this.#attachments.add(attachment);
  }

  remove(attachment: Attachment): void {
    if (this.#attachments.delete(attachment)) this.#closeIfEmpty();
  }

  /** Learns of a head that was read from the log. Nobody is handed anything by it. */
  know({ head, epoch }: LogHead): void {
    this.#epoch ??= epoch;
    this.#cursor = Math.max(this.#cursor, head);
  }

  /**
   * The log has grown by these events. Each reader takes what it has not seen and notices a hole by itself. They are
   * told of events below the cursor too: scenario: a head was read after a commit and before the telling of it.
   * `givenAt`: when they were given to be appended, monotonic.
   */
  hear(events: readonly StoredEvent[], givenAt: number): void {
    const last = events.at(-1);
    if (last === undefined) return;
    this.#cursor = Math.max(this.#cursor, last.seq);
    for (const event of events) {
      this.#gathered.push(new EventFrame(event));
      this.#gatheredChars += event.data.length;
    }
    this.#gatheredSince ??= givenAt;
    this.#heardInTurn = true;
    const quiet = this.#turns === null;
    if (quiet || this.#gatheredChars >= MOST_GATHERED) this.flush();
    if (!quiet) return;
    this.#turns = 0;
    this.clock.soon(this.#atTurn);
  }

  /** Hands out what is gathered. */
  flush(): void {
    const since = this.#gatheredSince;
    if (since === null) return;
    const frames = new Frames(this.#gathered);
    this.#gathered = [];
    this.#gatheredChars = 0;
    this.#gatheredSince = null;
    if (this.#turns !== null) this.#turns = 0;
    let delivered = false;
    for (const attachment of this.#attachments) if (attachment.offer(frames)) delivered = true;
    this.watch.flushed(this, delivered, since);
  }

  /** A turn of the event loop is over. */
  #turn(): void {
    const heard = this.#heardInTurn;
    this.#heardInTurn = false;
    const turns = (this.#turns ?? 0) + 1;
    if (!heard && this.#gatheredSince === null) {
      this.#turns = null;
      return;
    }
    this.#turns = turns;
    if (!heard || turns >= MOST_TURNS) this.flush();
    this.clock.soon(this.#atTurn);
  }

  /** The log is longer than somebody here has heard of. */
  heal(log: LogHead): void {
    this.know(log);
    for (const attachment of this.#attachments) attachment.catchUp();
  }

  /** The log is gone: everybody is detached, and nobody attaches here again. */
  end(): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    for (const attachment of this.#attachments) attachment.detach('deleted');
    this.watch.ended(this);
  }

  #closeIfEmpty(): void {
    if (this.#holds === 0 && this.#attachments.size === 0) this.watch.ended(this);
  }
}
