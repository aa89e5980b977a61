import type { HistoryPage } from '../threads/index.js';

/** A page of history as JSON text: the envelopes stand in it as they are stored, not parsed and written anew. */
export function historyJson({ events, head, epoch, nextAfter }: HistoryPage): string {
  const rest = JSON.stringify({ head, epoch, nextAfter });
  return `{"events":[${events.join(',')}],${rest.slice(1)}`;
}
