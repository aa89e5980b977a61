import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { Bus } from '../cluster/index.js';
import type { ThreadId } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import type { LogHead, StoredEvent } from '../storage/index.js';
import { CommitFeed, WatchedThreads, type CommitListener, type RemoteCommitListener } from '../threads/index.js';
import { Tracing } from '../traces/index.js';
import { DeliveryTraces } from './delivery-traces.js';
import { Channel, type ChannelWatch } from './channel.js';
import { LogPages } from './log-pages.js';

/** The threads that are followed in this process. Knows no sockets and no users. */
@Injectable()
export class Channels implements CommitListener, RemoteCommitListener, ChannelWatch, OnModuleDestroy {
  readonly #channels = new Map<ThreadId, Channel>();
  /** Ends the watch of the thread that a channel is of. */
  readonly #watches = new Map<Channel, () => void>();
  readonly #unsubscribe: readonly (() => void)[];
  readonly #traces: DeliveryTraces;

  constructor(
    feed: CommitFeed,
    private readonly threads: WatchedThreads,
    private readonly bus: Bus,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
    private readonly pages: LogPages,
    tracing: Tracing,
  ) {
    this.#traces = new DeliveryTraces(tracing);
    this.#unsubscribe = [feed.subscribe(this), feed.subscribeRemote(this)];
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  /** The channel of a thread; it must be held before the next turn, or it may go away. */
  of(threadId: ThreadId): Channel {
    const present = this.#channels.get(threadId);
    if (present !== undefined) return present;
    const channel = new Channel(threadId, this.clock, this);
    this.#channels.set(threadId, channel);
    this.#watches.set(channel, this.threads.watch(threadId));
    this.#count();
    return channel;
  }

  /** Null: nobody holds it here. */
  find(threadId: ThreadId): Channel | null {
    return this.#channels.get(threadId) ?? null;
  }

  all(): Iterable<Channel> {
    return this.#channels.values();
  }

  threadIds(): ThreadId[] {
    return [...this.#channels.keys()];
  }

  /** Somebody here reads along at the moment. */
  isFollowed(threadId: ThreadId): boolean {
    return (this.#channels.get(threadId)?.attachments.size ?? 0) > 0;
  }

  get size(): number {
    return this.#channels.size;
  }

  committed(threadId: ThreadId, events: readonly StoredEvent[], givenAt: number, epoch: string): void {
    const channel = this.#ofLog(threadId, epoch);
    if (channel === null) {
      this.metrics.add('threadcast_delivery_unfollowed_events_total', {}, events.length);
      return;
    }
    // What other nodes have put before it comes first, and this with it: read once, not by each follower.
    if (this.bus.isShared && channel.epoch !== null && (events[0]?.seq ?? 0) > channel.cursor + 1) return;
    this.#traces.heard(channel, events);
    channel.hear(events, givenAt);
  }

  deleted(threadId: ThreadId): void {
    this.#channels.get(threadId)?.end();
  }

  watching(threadId: ThreadId, log: LogHead): void {
    const channel = this.#ofLog(threadId, log.epoch);
    if (channel === null) return;
    if (channel.reached < log.head) channel.heal(log);
    else channel.know(log);
  }

  committedElsewhere(threadId: ThreadId, events: readonly StoredEvent[], epoch: string): void {
    const [channel, last] = [this.#ofLog(threadId, epoch), events.at(-1)];
    if (channel === null || last === undefined) return;
    // Nobody reads along yet, and who comes has still to learn how long its log is.
    if (channel.epoch === null) channel.know({ epoch, head: last.seq });
    this.#traces.heard(channel, events);
    channel.hear(events, this.clock.monotonic());
  }

  deletedElsewhere(threadId: ThreadId, epoch: string): void {
    const channel = this.#channels.get(threadId);
    if (channel?.epoch === epoch) channel.end();
  }

  flushed(channel: Channel, delivered: boolean, givenAt: number): void {
    this.#traces.flushed(channel, delivered);
    if (!delivered) return;
    this.metrics.observe('threadcast_delivery_latency_seconds', (this.clock.monotonic() - givenAt) / 1_000);
  }

  ended(channel: Channel): void {
    this.#traces.flushed(channel, false);
    if (this.#channels.get(channel.threadId) === channel) this.#channels.delete(channel.threadId);
    this.#watches.get(channel)?.();
    this.#watches.delete(channel);
    this.pages.forget(channel.threadId);
    this.#count();
  }

  /** Scenario: the thread was deleted on another node, made again, and grows, before anybody here has heard of it. */
  #ofLog(threadId: ThreadId, epoch: string): Channel | null {
    const channel = this.#channels.get(threadId);
    if (channel === undefined) return null;
    if (channel.epoch === null || channel.epoch === epoch) return channel;
    channel.end();
    return null;
  }

  #count(): void {
    this.metrics.set('threadcast_delivery_channels', {}, this.#channels.size);
  }
}
