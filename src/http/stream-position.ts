import type { Position } from '../delivery/index.js';
import { invalidFields } from '../errors/index.js';
import { readQuery, text, wholeNumber, type Parameter } from './query.js';

/** Only a page has it: told, never ignored. */
const ONLY_FORWARDS: Parameter<never> = {
  schema: {},
  read: () => ({ must: 'not be given: a stream only goes forwards' }),
};

export const STREAM_POSITION = {
  after: wholeNumber('Begins behind this seq.', { least: 0 }),
  epoch: text('The log that `after` belongs to; for streams.'),
};

/**
 * Where an event stream begins: after the last event that the client has seen, or at the beginning. A browser that
 * reconnects sends the same address again, so what `Last-Event-ID` says goes before what stands there.
 */
export function streamPosition(
  lastEventId: string | undefined,
  parameters: Readonly<Record<string, unknown>>,
): Position {
  const { after = 0, epoch } = readQuery({ ...STREAM_POSITION, before: ONLY_FORWARDS }, parameters);
  if (lastEventId === undefined || lastEventId === '') return { after, epoch };
  const [, ofLog, seq] = /^(?:([^:\s]+):)?(\d{1,15})$/.exec(lastEventId) ?? [];
  if (seq === undefined) {
    throw invalidFields([{ field: 'Last-Event-ID', message: 'Last-Event-ID must be `epoch:seq` or a seq' }]);
  }
  return { after: Number(seq), epoch: ofLog ?? epoch };
}
