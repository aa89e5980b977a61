import type { EventEnvelope } from '../protocol/index.js';

/**
 * Checks that a following saw a log in order, gapless, each event once: `next.from ?? next.seq` is
 * `previous.seq + 1`. Throws with the place where it is not so.
 */
export function checkContiguous(events: readonly EventEnvelope[], after = 0): void {
  let position = after;
  for (const event of events) {
    const first = event.from ?? event.seq;
    if (first !== position + 1) {
      const seen = events.map((one) => (one.from === undefined ? `${one.seq}` : `${one.from}…${one.seq}`)).join(' ');
      throw new Error(`After ${position} came ${first}, not ${position + 1}. Seen: ${seen.slice(0, 2_000)}`);
    }
    position = event.seq;
  }
}

/** The text that deltas of one message say, merged or not. */
export function deltaText(events: readonly EventEnvelope[], messageId?: string): string {
  return events
    .filter((event): event is EventEnvelope<'agent_delta'> => event.type === 'agent_delta')
    .filter((event) => messageId === undefined || event.data.messageId === messageId)
    .map((event) => event.data.text)
    .join('');
}
