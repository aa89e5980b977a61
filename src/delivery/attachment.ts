import type { Clock, Timer } from '../clock/index.js';
import type { ThreadId } from '../ids/index.js';
import type { Metrics } from '../metrics/index.js';
import type { DetachReason } from '../protocol/index.js';
import type { Storage, StoredEvent, ThreadAccess } from '../storage/index.js';
import { compact } from '../threads/index.js';
import { EventFrame } from './event-frame.js';
import type { Sink } from './sink.js';

/**
 * `placed`: has its place in the channel, sends nothing yet. `replaying`, `behind`: reads the log itself.
 * `live`: is handed what the channel hears. `closed`: for ever.
 */
export type AttachmentState = 'placed' | 'replaying' | 'live' | 'behind' | 'closed';

/** What an attachment needs of its channel. */
export interface AttachmentChannel {
  readonly threadId: ThreadId;
  /** The last seq that the channel has heard of. */
  readonly cursor: number;
  /** Takes the attachment out of the channel. */
  remove(attachment: Attachment): void;
}

export interface AttachmentServices {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

const PAGE_EVENTS = 500;
const PAGE_BYTES = 65_536;
const READ_RETRY_MS = 250;

/**
 * One reader × one thread: a position in the log that only moves forward, one seq after the other.
 *
 * It needs no buffer at the seam between replay and live: while it reads the log it is not handed anything, and
 * it goes live in the same turn in which its position has reached the channel's cursor. What the channel hears
 * after that turn is handed to it; what it heard before is in the log and was read. Frames that do not join its
 * position send it back to the log: a hole heals itself.
 */
export class Attachment {
  #state: AttachmentState = 'placed';
  #position: number;
  #retry: Timer | null = null;

  constructor(
    private readonly channel: AttachmentChannel,
    private readonly sink: Sink,
    private readonly access: ThreadAccess,
    position: number,
    private readonly services: AttachmentServices,
    private readonly onDetached: (reason: DetachReason) => void,
  ) {
    this.#position = position;
    services.metrics.move('threadcast_delivery_attachments', { state: 'placed' }, 1);
  }

  get state(): AttachmentState {
    return this.#state;
  }

  /** The last seq handed to the sink, or where following began. */
  get position(): number {
    return this.#position;
  }

  /** Begins to send: the replay first, if there is any, then live. */
  start(): void {
    if (this.#state !== 'placed') return;
    if (this.#position >= this.channel.cursor) this.#goLive();
    else this.#readOn('replaying');
  }

  /** Takes what the channel has heard, in order. Ignored unless live. */
  offer(frames: readonly EventFrame[]): void {
    if (this.#state !== 'live') return;
    const fresh = frames.filter((frame) => frame.seq > this.#position);
    const first = fresh[0];
    if (first === undefined) return;
    if (first.from !== this.#position + 1) {
      this.services.metrics.add('threadcast_delivery_healed_total', { kind: 'hole' });
      this.#readOn('replaying');
      return;
    }
    const fitting = this.#fitting(fresh);
    this.#deliver(fitting === fresh.length ? fresh : fresh.slice(0, fitting), 'live');
    if (fitting === fresh.length || this.#isClosed()) return;
    this.services.metrics.add('threadcast_delivery_behind_total', {});
    this.#readOn('behind');
  }

  /** How many of the frames the sink takes now. One that is larger than all its room goes alone. */
  #fitting(frames: readonly EventFrame[]): number {
    let bytes = 0;
    let count = 0;
    for (const frame of frames) {
      if (!this.sink.hasRoomFor(count === 0 ? 0 : bytes + frame.size)) break;
      bytes += frame.size;
      count += 1;
    }
    return count;
  }

  /** The channel's cursor moved without frames: what lies between is read from the log. */
  catchUp(): void {
    if (this.#state !== 'live' || this.#position >= this.channel.cursor) return;
    this.services.metrics.add('threadcast_delivery_healed_total', { kind: 'tail' });
    this.#readOn('replaying');
  }

  /** Ends it from within: the thread is gone, or not the user's any more. */
  detach(reason: DetachReason): void {
    if (this.#state === 'closed') return;
    this.services.metrics.add('threadcast_delivery_detached_total', { reason });
    this.close();
    this.onDetached(reason);
  }

  /** Ends it from without. Nothing is sent after this. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#enter('closed');
    this.services.metrics.move('threadcast_delivery_attachments', { state: 'closed' }, -1);
    this.#retry?.cancel();
    this.channel.remove(this);
  }

  #goLive(): void {
    this.#enter('live');
    this.sink.caughtUp(this.channel.threadId, this.#position);
  }

  #readOn(state: 'replaying' | 'behind'): void {
    this.#enter(state);
    this.#whenDrained();
  }

  #whenDrained(): void {
    this.sink.whenDrained(() => this.#readPage());
  }

  /** One page; then the next once the sink has room, or live. At most one is under way. */
  async #readPage(): Promise<void> {
    if (this.#isClosed()) return;
    let events: readonly StoredEvent[];
    try {
      const { threadId } = this.channel;
      events = await this.services.storage.events.read(threadId, {
        after: this.#position,
        epoch: this.access.epoch,
        limit: PAGE_EVENTS,
        maxBytes: PAGE_BYTES,
      });
      if ((events[0]?.seq ?? this.#position + 1) !== this.#position + 1) throw new Error('the log has a hole');
    } catch {
      events = [];
      this.services.metrics.add('threadcast_delivery_read_failures_total', {});
    }
    if (this.#isClosed()) return;
    this.#deliver(
      compact(events).map((span) => new EventFrame(span)),
      'log',
    );
    if (this.#isClosed()) return;
    if (this.#position >= this.channel.cursor) this.#goLive();
    else if (events.length === 0) this.#retryLater();
    else this.#whenDrained();
  }

  /** The log did not give what the channel has heard of: it could not be read, or is being deleted. */
  #retryLater(): void {
    this.#retry = this.services.clock.after(READ_RETRY_MS, () => void this.#readPage());
  }

  #deliver(frames: readonly EventFrame[], way: 'live' | 'log'): void {
    const last = frames.at(-1);
    if (last === undefined) return;
    const removal = frames.findIndex((frame) => this.#isExcludedBy(frame));
    const allowed = removal === -1 ? frames : frames.slice(0, removal);
    if (allowed.length > 0) {
      this.sink.deliver(allowed);
      this.services.metrics.add('threadcast_delivery_events_total', { way }, allowed.length);
    }
    this.#position = last.seq;
    if (removal !== -1) this.detach('access_removed');
  }

  /**
   * Whether this event takes the user's access away. Access changes are positions in the log: each reader
   * stops at the same event, however late it reads it. Changes before the position at which access was
   * judged are history.
   */
  #isExcludedBy(frame: EventFrame): boolean {
    if (frame.type !== 'thread_updated' || this.access.role === 'owner' || frame.seq <= this.access.head) return false;
    const { members } = JSON.parse(frame.data) as { members?: readonly string[] };
    return members !== undefined && !members.includes(this.sink.userId);
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #enter(state: AttachmentState): void {
    this.services.metrics.move('threadcast_delivery_attachments', { state: this.#state }, -1);
    this.services.metrics.move('threadcast_delivery_attachments', { state }, 1);
    this.#state = state;
  }
}
