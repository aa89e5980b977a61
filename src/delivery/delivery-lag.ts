import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { Metrics } from '../metrics/index.js';
import type { Attachment } from './attachment.js';
import type { Channel } from './channel.js';

/** Delivery is at most so much later than the storage and the sockets allow. */
const TOLERATED_MS = 2_000;

/** A following that stands still below the head of its log, at this position. */
interface Standstill {
  readonly channel: Channel;
  readonly position: number;
  readonly head: number;
  /** Unix ms. */
  readonly since: number;
}

/** What the logs have and the followings have not been handed, though nothing on their side keeps it. */
export interface Lag {
  readonly threads: number;
  readonly followings: number;
  /** Of the following that lacks most. */
  readonly events: number;
  /** Unix ms. */
  readonly since: number;
}

/**
 * Which followings do not get on: the log has more, the socket would take it, and the position does not move. A reader
 * that is slow, or that has much to read, is none of them.
 */
@Injectable()
export class DeliveryLag {
  readonly #standing = new Map<Attachment, Standstill>();
  #unknownSince: number | null = null;

  constructor(
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    metrics.measure('threadcast_delivery_lagging_followings', {}, () => this.lag()?.followings ?? 0);
    metrics.measure('threadcast_delivery_lag_seconds', {}, () => {
      const lag = this.lag();
      return lag === null ? 0 : (clock.now() - lag.since) / 1_000;
    });
  }

  /** The head of the channel's log, as it was read from the storage just now. */
  look(channel: Channel, head: number): void {
    for (const attachment of channel.attachments) {
      const { position } = attachment;
      if (position >= head || !attachment.isOurs) this.#standing.delete(attachment);
      else if (this.#standing.get(attachment)?.position !== position)
        this.#standing.set(attachment, { channel, position, head, since: this.clock.now() });
    }
  }

  /** All heads were read, or could not be. */
  looked(well: boolean): void {
    this.#unknownSince = well ? null : (this.#unknownSince ?? this.clock.now());
    for (const attachment of this.#standing.keys()) {
      if (attachment.state === 'closed') this.#standing.delete(attachment);
    }
  }

  /** Since when nobody knows how far the logs have grown. Unix ms; null: it is known. */
  get unknownSince(): number | null {
    return this.#unknownSince;
  }

  /** What stands still by now for longer than is tolerated; null: nothing does. */
  lag(): Lag | null {
    const latest = this.clock.now() - TOLERATED_MS;
    const standing = [...this.#standing].filter(
      ([attachment, { position, since }]) => since <= latest && attachment.isOurs && attachment.position === position,
    );
    if (standing.length === 0) return null;
    return {
      threads: new Set(standing.map(([, { channel }]) => channel)).size,
      followings: standing.length,
      events: standing.reduce((most, [, { head, position }]) => Math.max(most, head - position), 0),
      since: standing.reduce((first, [, { since }]) => Math.min(first, since), Number.POSITIVE_INFINITY),
    };
  }
}
