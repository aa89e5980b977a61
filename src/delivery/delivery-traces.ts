import type { StoredEvent } from '../storage/index.js';
import type { Span, Tracing } from '../traces/index.js';
import type { Channel } from './channel.js';

/** Spans of live delivery: from the telling of a commit until its events are handed to whoever follows. */
export class DeliveryTraces {
  readonly #open = new Map<Channel, Span[]>();

  constructor(private readonly tracing: Tracing) {}

  heard(channel: Channel, events: readonly StoredEvent[]): void {
    if (!this.tracing.enabled) return;
    const { threadId, attachments } = channel;
    const names = { threadId, from: events[0]?.seq, seq: events.at(-1)?.seq, followings: attachments.size };
    const open = this.#open.get(channel) ?? [];
    open.push(this.tracing.begin('delivery', names));
    this.#open.set(channel, open);
  }

  /** `delivered`: somebody was live and was handed them. */
  flushed(channel: Channel, delivered: boolean): void {
    for (const span of this.#open.get(channel) ?? []) this.tracing.end(span, { delivered });
    this.#open.delete(channel);
  }
}
