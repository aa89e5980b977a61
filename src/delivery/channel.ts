import type { ThreadId } from '../ids/index.js';
import type { LogHead, StoredEvent } from '../storage/index.js';
import type { Attachment, AttachmentChannel } from './attachment.js';
import { EventFrame } from './event-frame.js';

/**
 * A thread that is followed in this process: how far its log is known to have grown, and who reads along. It
 * lives as long as somebody holds it, and never longer than its log: a thread that is deleted and made again has
 * another channel.
 */
export class Channel implements AttachmentChannel {
  readonly #attachments = new Set<Attachment>();
  #cursor = 0;
  #epoch: string | null = null;
  #holds = 0;
  #ended = false;

  constructor(
    readonly threadId: ThreadId,
    /** Nobody needs it any more; may be told more than once. */
    private readonly onEnd: (channel: Channel) => void,
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
   */
  hear(events: readonly StoredEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    this.#cursor = Math.max(this.#cursor, last.seq);
    const frames = events.map((event) => new EventFrame(event));
    for (const attachment of this.#attachments) attachment.offer(frames);
  }

  /** The log is longer than somebody here has heard of. */
  heal(log: LogHead): void {
    this.know(log);
    for (const attachment of this.#attachments) attachment.catchUp();
  }

  /** The log is gone: everybody is detached, and nobody attaches here again. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const attachment of this.#attachments) attachment.detach('deleted');
    this.onEnd(this);
  }

  #closeIfEmpty(): void {
    if (this.#holds === 0 && this.#attachments.size === 0) this.onEnd(this);
  }
}
