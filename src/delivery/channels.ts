import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import type { ThreadId } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import type { StoredEvent } from '../storage/index.js';
import { CommitFeed, type CommitListener } from '../threads/index.js';
import { Tracing } from '../traces/index.js';
import { DeliveryTraces } from './delivery-traces.js';
import { Channel, type ChannelWatch } from './channel.js';
import { LogPages } from './log-pages.js';

/** The threads that are followed in this process. Knows no sockets and no users. */
@Injectable()
export class Channels implements CommitListener, ChannelWatch, OnModuleDestroy {
  readonly #channels = new Map<ThreadId, Channel>();
  readonly #unsubscribe: () => void;
  readonly #traces: DeliveryTraces;

  constructor(
    feed: CommitFeed,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
    private readonly pages: LogPages,
    tracing: Tracing,
  ) {
    this.#traces = new DeliveryTraces(tracing);
    this.#unsubscribe = feed.subscribe(this);
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  /** The channel of a thread; it must be held before the next turn, or it may go away. */
  of(threadId: ThreadId): Channel {
    const present = this.#channels.get(threadId);
    if (present !== undefined) return present;
    const channel = new Channel(threadId, this.clock, this);
    this.#channels.set(threadId, channel);
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

  /** Somebody here reads along at the moment. */
  isFollowed(threadId: ThreadId): boolean {
    return (this.#channels.get(threadId)?.attachments.size ?? 0) > 0;
  }

  get size(): number {
    return this.#channels.size;
  }

  committed(threadId: ThreadId, events: readonly StoredEvent[], givenAt: number): void {
    const channel = this.#channels.get(threadId);
    if (channel === undefined) {
      this.metrics.add('threadcast_delivery_unfollowed_events_total', {}, events.length);
      return;
    }
    this.#traces.heard(channel, events);
    channel.hear(events, givenAt);
  }

  deleted(threadId: ThreadId): void {
    this.#channels.get(threadId)?.end();
  }

  flushed(channel: Channel, delivered: boolean, givenAt: number): void {
    this.#traces.flushed(channel, delivered);
    if (!delivered) return;
    this.metrics.observe('threadcast_delivery_latency_seconds', (this.clock.monotonic() - givenAt) / 1_000);
  }

  ended(channel: Channel): void {
    this.#traces.flushed(channel, false);
    if (this.#channels.get(channel.threadId) === channel) this.#channels.delete(channel.threadId);
    this.pages.forget(channel.threadId);
    this.#count();
  }

  #count(): void {
    this.metrics.set('threadcast_delivery_channels', {}, this.#channels.size);
  }
}
