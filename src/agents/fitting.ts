import { ThreadcastError } from '../errors/index.js';
import type { ThreadEventData, ThreadEventType } from '../protocol/index.js';
import type { NewEvent } from '../storage/index.js';
import type { EventFactory, EventInput } from '../threads/index.js';
import { cutText } from './bounded-text.js';

/** Of an event's largest accepted size, what is left for all but its one long string. */
const REST_BYTES = 4_096;
/** How long strings may be, in bytes of JSON, until the event fits. */
const STRING_BYTES = [65_536, 16_384, 4_096, 1_024, 256];

export interface Fitted<T extends ThreadEventType> {
  readonly event: NewEvent;
  /** What the event was made of: as given, or with its long strings cut. */
  readonly data: ThreadEventData[T];
}

/**
 * Makes an event; where its data is too large, of the same data with long strings cut, each with a mark. Throws
 * `message_too_large` when that does not help.
 */
export function fitting<T extends ThreadEventType>(events: EventFactory, input: EventInput<T>): Fitted<T> {
  let tooLarge: unknown;
  try {
    return { event: events.make(input), data: input.data };
  } catch (error) {
    tooLarge = error;
  }
  const maxBytes = accepted(tooLarge);
  for (const bytes of [Math.max(maxBytes - REST_BYTES, maxBytes / 2), ...STRING_BYTES]) {
    try {
      const data = withShortStrings(events, input.data, bytes);
      return { event: events.make({ ...input, data }), data };
    } catch (error) {
      accepted(error);
    }
  }
  throw tooLarge;
}

/** The size that was exceeded; any other error is thrown on. */
function accepted(error: unknown): number {
  const maxBytes =
    error instanceof ThreadcastError && error.code === 'message_too_large' && error.details?.['maxBytes'];
  if (typeof maxBytes !== 'number') throw error;
  return maxBytes;
}

/** Redacted before they are cut: a secret that is cut in two would not be known any more. */
function withShortStrings<T>(events: EventFactory, data: T, maxBytes: number): T {
  const cut = (_key: string, value: unknown): unknown =>
    typeof value === 'string' ? cutText(events.redactText(value), maxBytes) : value;
  return JSON.parse(JSON.stringify(data, cut)) as T;
}
