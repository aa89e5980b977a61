import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock, type Timer } from '../clock/index.js';
import { Bus } from '../cluster/index.js';
import { Metrics } from '../metrics/index.js';
import type { ThreadId } from '../ids/index.js';
import { withDeadline } from '../startup/index.js';
import { Storage, type LogHead } from '../storage/index.js';
import { WatchedThreads } from '../threads/index.js';
import type { Channel } from './channel.js';
import { Channels } from './channels.js';
import { DeliveryLag } from './delivery-lag.js';
import { RemoteCommits } from './relay/index.js';

/** Two periods are the longest that a lost message can go unnoticed. */
const PERIOD_MS = 800;
const THREADS_PER_QUERY = 1_000;
/** A query that takes longer ends its round, so that the next one can begin. */
const QUERY_MS = 5_000;

/**
 * Compares, again and again, how far each followed thread is known here with how far its log has grown. Live
 * delivery is a hint; this is what makes even a lost last event arrive. A difference counts when it was
 * there in the round before: a commit that is just being told is no loss. A log that is gone ends its channel.
 *
 * Where there are other nodes, the same answer shows what they have committed and nobody has told here: of all threads
 * that are watched, and without waiting for a second round.
 */
@Injectable()
export class DeliveryAudit implements OnModuleDestroy {
  readonly #timer: Timer;
  readonly #lagging = new WeakMap<Channel, number>();
  readonly #closing = new AbortController();
  #round: Promise<void> | null = null;

  constructor(
    private readonly channels: Channels,
    private readonly threads: WatchedThreads,
    private readonly remote: RemoteCommits,
    private readonly bus: Bus,
    private readonly lag: DeliveryLag,
    private readonly storage: Storage,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {
    this.#timer = clock.every(PERIOD_MS, () => {
      this.#round ??= this.#compareAll().finally(() => (this.#round = null));
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.#timer.cancel();
    this.#closing.abort();
    await this.#round;
  }

  async #compareAll(): Promise<void> {
    // Each channel watches its thread.
    const threadIds = this.bus.isShared ? [...this.threads.all()] : this.channels.threadIds();
    try {
      for (let start = 0; start < threadIds.length; start += THREADS_PER_QUERY) {
        if (start > 0) await new Promise<void>((resolve) => this.clock.soon(resolve));
        if (this.#closing.signal.aborted) return;
        await this.#compare(threadIds.slice(start, start + THREADS_PER_QUERY));
      }
      this.lag.looked(true);
    } catch {
      if (this.#closing.signal.aborted) return;
      this.lag.looked(false);
      this.metrics.add('threadcast_delivery_read_failures_total', {});
    }
  }

  async #compare(threadIds: readonly ThreadId[]): Promise<void> {
    const before = threadIds.map((threadId) => {
      const channel = this.channels.find(threadId);
      return { threadId, channel, epoch: channel?.epoch ?? null, watched: this.remote.epochOf(threadId) };
    });
    // What a query answers that took too long, or that the process has not waited for, is not looked at.
    const read = (): Promise<ReadonlyMap<ThreadId, LogHead>> => this.storage.events.heads(threadIds);
    const heads = await withDeadline(this.clock, QUERY_MS, read, this.#closing.signal);
    for (const { threadId, channel, epoch, watched } of before) {
      const log = heads.get(threadId) ?? null;
      this.remote.judge(threadId, watched, log);
      if (channel !== null) this.#judge(channel, epoch, log);
    }
  }

  /** `epoch`: as it was known before the head was read; null: the thread may have been made since. */
  #judge(channel: Channel, epoch: string | null, log: LogHead | null): void {
    if (epoch !== null && epoch !== log?.epoch) {
      channel.end();
      return;
    }
    if (log === null) return;
    this.lag.look(channel, log.head);
    const missed = this.#lagging.get(channel);
    if (epoch === null) channel.know(log);
    if (missed !== undefined && channel.reached < missed) channel.heal(log);
    if (channel.reached < log.head) this.#lagging.set(channel, log.head);
    else this.#lagging.delete(channel);
  }
}
