import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import type { ThreadId } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import type { StoredEvent } from '../storage/index.js';
import { CommitFeed, type CommitListener } from '../threads/index.js';
import { Channel } from './channel.js';

/** The threads that are followed in this process. Knows no sockets and no users. */
@Injectable()
export class Channels implements CommitListener, OnModuleDestroy {
  readonly #channels = new Map<ThreadId, Channel>();
  readonly #unsubscribe: () => void;

  constructor(
    feed: CommitFeed,
    private readonly metrics: Metrics,
  ) {
    this.#unsubscribe = feed.subscribe(this);
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  /** The channel of a thread; it must be held before the next turn, or it may go away. */
  of(threadId: ThreadId): Channel {
    const present = this.#channels.get(threadId);
    if (present !== undefined) return present;
    const channel = new Channel(threadId, (ended) => this.#drop(ended));
    this.#channels.set(threadId, channel);
    this.#count();
    return channel;
  }

  all(): Iterable<Channel> {
    return this.#channels.values();
  }

  get size(): number {
    return this.#channels.size;
  }

  committed(threadId: ThreadId, events: readonly StoredEvent[]): void {
    const channel = this.#channels.get(threadId);
    if (channel === undefined) {
      this.metrics.add('threadcast_delivery_unfollowed_events_total', {}, events.length);
      return;
    }
    channel.hear(events);
  }

  deleted(threadId: ThreadId): void {
    this.#channels.get(threadId)?.end();
  }

  #drop(channel: Channel): void {
    if (this.#channels.get(channel.threadId) === channel) this.#channels.delete(channel.threadId);
    this.#count();
  }

  #count(): void {
    this.metrics.set('threadcast_delivery_channels', {}, this.#channels.size);
  }
}
