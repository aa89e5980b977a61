import type { StoredEvent } from '../storage/index.js';

/** A stored event, or one that stands for several neighbouring deltas: `from … seq`. */
export interface EventSpan extends StoredEvent {
  readonly from?: number;
}

/** A merged envelope has at most 64 KiB; the rest is left for the fields around its data. */
const MAX_MERGED_BYTES = 64_512;

/** The envelope as it is sent: the stored JSON spliced in byte for byte, never parsed and encoded again. */
export function envelopeJson(event: EventSpan): string {
  let json = `{"threadId":"${event.threadId}","seq":${event.seq}`;
  if (event.from !== undefined && event.from !== event.seq) json += `,"from":${event.from}`;
  json += `,"type":"${event.type}"`;
  if (event.runId !== null) json += `,"runId":"${event.runId}"`;
  if (event.agent !== null) json += `,"agent":${JSON.stringify(event.agent)}`;
  return `${json},"time":${event.time},"data":${event.data}}`;
}

/** The first seq that a span covers. */
export function firstSeq(event: EventSpan): number {
  return event.from ?? event.seq;
}

interface DeltaData {
  readonly messageId: string;
  readonly text: string;
}

/**
 * Merges neighbouring deltas of one run and message. A view: the log itself is never changed. The merged
 * event has the last one's seq and the first one's time.
 */
export function compact(events: readonly EventSpan[]): EventSpan[] {
  const merged: EventSpan[] = [];
  /** The open group, if any. */
  const groups: DeltaGroup[] = [];
  const close = (): void => {
    for (const group of groups.splice(0)) merged.push(group.span());
  };
  for (const event of events) {
    if (event.type !== 'agent_delta') {
      close();
      merged.push(event);
      continue;
    }
    const delta = JSON.parse(event.data) as DeltaData;
    const open = groups[0];
    if (open?.takes(event, delta) === true) {
      open.add(event, delta);
    } else {
      close();
      groups.push(new DeltaGroup(event, delta));
    }
  }
  close();
  return merged;
}

class DeltaGroup {
  readonly #first: EventSpan;
  readonly #messageId: string;
  readonly #texts: string[];
  #last: EventSpan;
  #bytes: number;

  constructor(event: EventSpan, delta: DeltaData) {
    this.#first = this.#last = event;
    this.#messageId = delta.messageId;
    this.#texts = [delta.text];
    this.#bytes = Buffer.byteLength(event.data);
  }

  takes(event: EventSpan, delta: DeltaData): boolean {
    const bytes = this.#bytes + Buffer.byteLength(event.data);
    return event.runId === this.#first.runId && delta.messageId === this.#messageId && bytes <= MAX_MERGED_BYTES;
  }

  add(event: EventSpan, delta: DeltaData): void {
    this.#last = event;
    this.#texts.push(delta.text);
    this.#bytes += Buffer.byteLength(event.data);
  }

  span(): EventSpan {
    if (this.#last === this.#first) return this.#first;
    const data = JSON.stringify({ messageId: this.#messageId, text: this.#texts.join('') });
    return { ...this.#first, from: firstSeq(this.#first), seq: this.#last.seq, data };
  }
}
