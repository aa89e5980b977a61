import type { Position } from '../delivery/index.js';
import { invalidFields } from '../errors/index.js';
import { Query } from './query.js';

/**
 * Where an event stream begins: after the last event that the client has seen, or at the beginning. A browser that
 * reconnects sends the same address again, so what `Last-Event-ID` says goes before what stands there.
 */
export function streamPosition(
  lastEventId: string | undefined,
  parameters: Readonly<Record<string, unknown>>,
): Position {
  const query = new Query(parameters);
  const after = query.integer('after', { least: 0 }) ?? 0;
  const epoch = query.text('epoch');
  if (parameters['before'] !== undefined) query.refuse('before', 'before is for pages; a stream only goes forwards');
  query.check();
  if (lastEventId === undefined || lastEventId === '') return { after, epoch };
  const [, ofLog, seq] = /^(?:([^:\s]+):)?(\d{1,15})$/.exec(lastEventId) ?? [];
  if (seq === undefined) {
    throw invalidFields([{ field: 'Last-Event-ID', message: 'Last-Event-ID must be `epoch:seq` or a seq' }]);
  }
  return { after: Number(seq), epoch: ofLog ?? epoch };
}
