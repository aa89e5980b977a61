import type { Clock, Timer } from '../clock/index.js';
import type { ThreadId } from '../ids/index.js';
import type { Log } from '../logs/index.js';
import type { LabelsOf, Metrics } from '../metrics/index.js';
import type { DetachReason } from '../protocol/index.js';
import type { ThreadAccess } from '../storage/index.js';
import { takesAccessFrom } from '../threads/index.js';
import type { Account, Acknowledgements } from './acknowledgements.js';
import type { EventFrame } from './event-frame.js';
import { FlushTrail } from './flush-trail.js';
import type { FollowingHistory } from './following-history.js';
import type { AttachmentState, FollowingEnd, FollowingView } from './following-view.js';
import type { Frames } from './frames.js';
import type { LogPages } from './log-pages.js';
import type { Sink } from './sink.js';

/** What an attachment needs of its channel. */
export interface AttachmentChannel {
  readonly threadId: ThreadId;
  /** The last seq that the channel has heard of. */
  readonly cursor: number;
  /** Others are attached as well. */
  readonly isShared: boolean;
  /** Takes the attachment out of the channel. */
  remove(attachment: Attachment): void;
}

export interface AttachmentServices {
  readonly pages: LogPages;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly acknowledgements: Acknowledgements;
  readonly history: FollowingHistory;
  readonly log: Log;
}

/** Where an attachment begins to read. */
export interface Beginning {
  /** What comes after this seq is sent. */
  readonly from: number;
  /** The client has named that position; else it is the head. */
  readonly resumed: boolean;
}

const READ_RETRY_MS = 250;
/**
 * Pages between two turns of the event loop. With many more, each of many readers runs through what is kept before the next
 * one has come to it; with fewer, who is behind on a busy process reads less than a thread grows by.
 */
const PAGES_PER_TURN = 4;

type Way = LabelsOf<'threadcast_delivery_events_total'>;
const LIVE: Way = { way: 'live' };
const REPLAY: Way = { way: 'replay' };
const BEHIND: Way = { way: 'behind' };

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
  #stateSince: number;
  #position: number;
  readonly #trail: FlushTrail;
  #retry: Timer | null = null;
  /** Null until the client has acknowledged something of this following. */
  #account: Account | null = null;
  #acknowledged: number | null = null;
  #acknowledgedAt: number | null = null;
  readonly #openedAt: number;
  #waitsForSink = false;
  #pagesInTurn = 0;

  constructor(
    private readonly channel: AttachmentChannel,
    private readonly sink: Sink,
    private readonly access: ThreadAccess,
    private readonly beginning: Beginning,
    private readonly services: AttachmentServices,
    private readonly onDetached: (reason: DetachReason) => void,
  ) {
    this.#position = beginning.from;
    this.#trail = new FlushTrail(sink, beginning.from);
    this.#openedAt = this.#stateSince = services.clock.now();
    services.metrics.move('threadcast_delivery_attachments', { state: 'placed' }, 1);
    this.#tell(undefined);
  }

  get state(): AttachmentState {
    return this.#state;
  }

  get stateSince(): number {
    return this.#stateSince;
  }

  get connectionId(): string {
    return this.sink.connectionId;
  }

  /** The last seq handed to the sink, or where following began. */
  get position(): number {
    return this.#position;
  }

  /** What comes next is up to this process: it has begun to send, and its sink would take more. */
  get isOurs(): boolean {
    return this.#state !== 'placed' && this.#state !== 'closed' && !this.#waitsForSink;
  }

  /** Where it stands now. */
  view(): FollowingView {
    const { threadId } = this.channel;
    const { connectionId, userId, flushedAt } = this.sink;
    const [state, position] = [this.#state, this.#position];
    return {
      ...{ threadId, epoch: this.access.epoch, connectionId, userId },
      ...{ state, stateSince: this.#stateSince, waitsForConnection: this.#waitsForSink, openedAt: this.#openedAt },
      ...{ ...this.beginning, position, flushedThrough: this.#trail.through(position) },
      ...{
        flushedAt,
        acknowledged: this.#acknowledged,
        acknowledgedAt: this.#acknowledgedAt,
        closedAt: null,
        closedBy: null,
      },
    };
  }

  /** Begins to send: the replay first, if there is any, then live. */
  start(): void {
    if (this.#state !== 'placed') return;
    if (this.#position >= this.channel.cursor) this.#goLive();
    else this.#readOn('replaying');
  }

  /** Takes what the channel has heard, in order. Ignored unless live. True: some of it was handed to the sink. */
  offer(frames: Frames): boolean {
    if (this.#state !== 'live') return false;
    const fresh = frames.above(this.#position);
    if (fresh === null) return false;
    if (fresh.from !== this.#position + 1) {
      this.services.metrics.add('threadcast_delivery_healed_total', { kind: 'hole' });
      this.#readOn('replaying');
      return false;
    }
    const fitting = this.#fitting(fresh);
    if (fitting > 0) this.#deliver(fresh.first(fitting), LIVE);
    if (fitting === fresh.length || this.#isClosed()) return true;
    this.services.metrics.add('threadcast_delivery_behind_total', {});
    this.#readOn('behind');
    return fitting > 0;
  }

  /** How many of the frames the sink takes now. One that is larger than all its room goes alone. */
  #fitting(frames: Frames): number {
    if (this.sink.hasRoomFor(frames.size)) return frames.length;
    let bytes = 0;
    let count = 0;
    for (const frame of frames.all) {
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

  /** The client says, durably, that it has everything up to this seq. */
  acknowledge(seq: number): void {
    if (this.#isClosed()) return;
    this.#account ??= this.services.acknowledgements.open(this.beginning.from, () => this.channel.cursor);
    this.#account.acknowledge(seq);
    if (seq <= (this.#acknowledged ?? -1)) return;
    this.#acknowledged = seq;
    this.#acknowledgedAt = this.services.clock.now();
  }

  /** Ends it from within: the thread is gone, or not the user's any more. */
  detach(reason: DetachReason): void {
    if (this.#state === 'closed') return;
    this.services.metrics.add('threadcast_delivery_detached_total', { reason });
    this.close(reason);
    this.onDetached(reason);
  }

  /** Ends it. Nothing is sent after this. What has begun to send is remembered. */
  close(by: FollowingEnd): void {
    if (this.#state === 'closed') return;
    const before = this.view();
    this.#enter('closed', by);
    const closedAt = this.#stateSince;
    if (before.state !== 'placed') {
      this.services.history.add({ ...before, state: 'closed', stateSince: closedAt, closedAt, closedBy: by });
    }
    this.services.metrics.move('threadcast_delivery_attachments', { state: 'closed' }, -1);
    this.#retry?.cancel();
    this.#account?.close();
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
    this.#waitsForSink = true;
    this.sink.whenDrained(() => this.#readPage());
  }

  /** One page; then the next once the sink has room, or live. At most one is under way. */
  async #readPage(): Promise<void> {
    this.#waitsForSink = false;
    if (this.#isClosed()) return;
    let page: Frames | null = null;
    try {
      const { threadId, isShared } = this.channel;
      const place = { threadId, epoch: this.access.epoch, after: this.#position };
      page = await this.services.pages.read(place, isShared);
    } catch {
      this.services.metrics.add('threadcast_delivery_read_failures_total', {});
    }
    if (this.#isClosed()) return;
    if (page !== null) this.#deliver(page, this.#state === 'behind' ? BEHIND : REPLAY);
    if (this.#isClosed()) return;
    if (this.#position >= this.channel.cursor) this.#goLive();
    else if (page === null) this.#retryLater();
    else this.#readNext();
  }

  #readNext(): void {
    this.#pagesInTurn = (this.#pagesInTurn + 1) % PAGES_PER_TURN;
    if (this.#pagesInTurn > 0) this.#whenDrained();
    else this.services.clock.soon(() => this.#whenDrained());
  }

  /** The log did not give what the channel has heard of: it could not be read, or is being deleted. */
  #retryLater(): void {
    this.#retry = this.services.clock.after(READ_RETRY_MS, () => void this.#readPage());
  }

  #deliver(frames: Frames, way: Way): void {
    const removal = frames.changesAccess ? frames.all.findIndex((frame) => this.#isExcludedBy(frame)) : -1;
    if (removal !== 0) {
      const allowed = removal === -1 ? frames : frames.first(removal);
      this.#trail.leave(this.#position);
      this.sink.deliver(allowed);
      this.services.metrics.add('threadcast_delivery_events_total', way, allowed.length);
      const merged = allowed.seq - this.#position - allowed.length;
      if (merged > 0) this.services.metrics.add('threadcast_delivery_merged_events_total', {}, merged);
      this.#position = allowed.seq;
      this.#trail.arrive();
    }
    if (removal !== -1) this.detach('access_removed');
  }

  /** Changes before the position at which access was judged are history. */
  #isExcludedBy(frame: EventFrame): boolean {
    if (this.access.role === 'owner' || frame.seq <= this.access.head) return false;
    return takesAccessFrom(frame, this.sink.userId);
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #enter(state: AttachmentState, why?: FollowingEnd): void {
    const before = this.#state;
    this.services.metrics.move('threadcast_delivery_attachments', { state: before }, -1);
    this.services.metrics.move('threadcast_delivery_attachments', { state }, 1);
    this.#state = state;
    this.#stateSince = this.services.clock.now();
    this.#tell(before, why);
  }

  #tell(before: AttachmentState | undefined, reason?: FollowingEnd): void {
    const { log } = this.services;
    if (!log.debugs) return;
    const { connectionId, userId } = this.sink;
    const names = { connectionId, userId, threadId: this.channel.threadId };
    log.debug(`following ${this.#state}`, { ...names, before, state: this.#state, position: this.#position, reason });
  }
}
