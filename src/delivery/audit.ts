import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock, type Timer } from '../clock/index.js';
import { Metrics } from '../metrics/index.js';
import { Storage, type LogHead } from '../storage/index.js';
import type { Channel } from './channel.js';
import { Channels } from './channels.js';

/** Two periods are the longest that a lost message can go unnoticed. */
const PERIOD_MS = 800;
const THREADS_PER_QUERY = 1_000;

/**
 * Compares, again and again, how far each followed thread is known here with how far its log has grown. Live
 * delivery is a hint; this is what makes even a lost last event arrive. A difference counts when it was
 * there in the round before: a commit that is just being told is no loss. A log that is gone ends its channel.
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
    const epochs = channels.map((channel) => channel.epoch);
    const heads = await this.storage.events.heads(channels.map((channel) => channel.threadId));
    channels.forEach((channel, index) => {
      this.#judge(channel, epochs[index] ?? null, heads.get(channel.threadId) ?? null);
    });
  }

  /** `epoch`: as it was known before the head was read; null: the thread may have been made since. */
  #judge(channel: Channel, epoch: string | null, log: LogHead | null): void {
    if (epoch !== null && epoch !== log?.epoch) {
      channel.end();
      return;
    }
    if (log === null) return;
    const missed = this.#lagging.get(channel);
    if (epoch === null) channel.know(log);
    if (missed !== undefined && channel.reached < missed) channel.heal(log);
    if (channel.reached < log.head) this.#lagging.set(channel, log.head);
    else this.#lagging.delete(channel);
  }
}
