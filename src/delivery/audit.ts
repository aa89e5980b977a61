import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock, type Timer } from '../clock/index.js';
import { Metrics } from '../metrics/index.js';
import { Storage } from '../storage/index.js';
import type { Channel } from './channel.js';
import { Channels } from './channels.js';

/** Two periods are the longest that a lost message can go unnoticed. */
const PERIOD_MS = 800;
const THREADS_PER_QUERY = 1_000;

/**
 * Compares, again and again, how far each followed thread is known here with how far its log has grown. Live
 * delivery is a hint; this is what makes even a lost last event arrive. A difference counts when it was
 * there in the round before: a commit that is just being told is no loss.
 */
@Injectable()
export class DeliveryAudit implements OnModuleDestroy {
  readonly #timer: Timer;
  readonly #lagging = new WeakMap<Channel, number>();
  #round: Promise<void> | null = null;

  constructor(
    private readonly channels: Channels,
    private readonly storage: Storage,
    private readonly metrics: Metrics,
    clock: Clock,
  ) {
    this.#timer = clock.every(PERIOD_MS, () => {
      this.#round ??= this.#compareAll().finally(() => (this.#round = null));
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.#timer.cancel();
    await this.#round;
  }

  async #compareAll(): Promise<void> {
    const channels = [...this.channels.all()];
    try {
      for (let start = 0; start < channels.length; start += THREADS_PER_QUERY) {
        await this.#compare(channels.slice(start, start + THREADS_PER_QUERY));
      }
    } catch {
      this.metrics.add('threadcast_delivery_read_failures_total', {});
    }
  }

  async #compare(channels: readonly Channel[]): Promise<void> {
    const heads = await this.storage.events.heads(channels.map((channel) => channel.threadId));
    for (const channel of channels) {
      const head = heads.get(channel.threadId)?.head ?? 0;
      const missed = this.#lagging.get(channel);
      if (missed !== undefined && channel.cursor < missed) channel.heal(head);
      if (channel.cursor < head) this.#lagging.set(channel, head);
      else this.#lagging.delete(channel);
    }
  }
}
