import type { ThreadId } from '../ids/index.js';
import type { DetachReason } from '../protocol/index.js';
import type { StoredEvent } from '../storage/index.js';
import type { Attachment, AttachmentChannel } from './attachment.js';
import { EventFrame } from './event-frame.js';

/**
 * A thread that is followed in this process: how far its log is known to have grown, and who reads along. It
 * lives as long as somebody holds it.
 */
export class Channel implements AttachmentChannel {
  readonly #attachments = new Set<Attachment>();
  #cursor = 0;
  #holds = 0;

  constructor(
    readonly threadId: ThreadId,
    private readonly onEmpty: (channel: Channel) => void,
  ) {}

  get cursor(): number {
    return this.#cursor;
  }

  get attachments(): ReadonlySet<Attachment> {
    return this.#attachments;
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
  know(head: number): void {
    this.#cursor = Math.max(this.#cursor, head);
  }

  /** The log has grown by these events. Older than the cursor: ignored; past a hole: readers notice. */
  hear(events: readonly StoredEvent[]): void {
    const last = events.at(-1);
    if (last === undefined || last.seq <= this.#cursor) return;
    this.#cursor = last.seq;
    const frames = events.map((event) => new EventFrame(event));
    for (const attachment of this.#attachments) attachment.offer(frames);
  }

  /** The log is longer than was heard of. */
  heal(head: number): void {
    if (head <= this.#cursor) return;
    this.#cursor = head;
    for (const attachment of this.#attachments) attachment.catchUp();
  }

  detachAll(reason: DetachReason): void {
    for (const attachment of this.#attachments) attachment.detach(reason);
  }

  #closeIfEmpty(): void {
    if (this.#holds === 0 && this.#attachments.size === 0) this.onEmpty(this);
  }
}
