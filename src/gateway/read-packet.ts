import { ThreadcastError, invalidFields } from '../errors/index.js';
import { normaliseIds } from '../protocol/index.js';
import type { AckFunction } from './incoming-request.js';

/** What came in under an event's name: a request by that name, or the envelope under `message`. */
export interface ReadPacket {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

const ENVELOPE = 'message';

const MAX_NAME_CHARACTERS = 100;

/** Takes the callback, which the parser puts last, off the arguments. */
export function splitAck(args: readonly unknown[]): { values: readonly unknown[]; ack: AckFunction | null } {
  const last = args.at(-1);
  if (typeof last !== 'function') return { values: args, ack: null };
  return { values: args.slice(0, -1), ack: last as AckFunction };
}

/** The name under which a packet is answered, also when it cannot be read; no longer than a name is. */
export function requestName(event: unknown, values: readonly unknown[]): string {
  const [first] = values;
  const type = event === ENVELOPE && isPlainObject(first) ? first['type'] : undefined;
  return String(typeof type === 'string' ? type : event).slice(0, MAX_NAME_CHARACTERS);
}

/** Rejects with `invalid_payload` what has not the form of a request. */
export function readPacket(event: unknown, values: readonly unknown[]): ReadPacket {
  if (typeof event !== 'string')
    throw new ThreadcastError('unknown_request', { message: 'A request’s name is a text.' });
  // It takes anything, and nothing of it is read.
  if (requestName(event, values) === 'ping') return { type: 'ping', payload: {} };
  if (values.length > 1) throw invalid('payload', `a request has one payload; ${values.length} came`);
  const [value = {}] = values;
  if (event === ENVELOPE) return readEnvelope(value);
  return { type: event, payload: normaliseIds(plainObject(value, 'the payload')) };
}

function readEnvelope(value: unknown): ReadPacket {
  const envelope = plainObject(value, 'a message sent without a name');
  const { type, payload = {}, ...rest } = envelope;
  if (typeof type !== 'string') throw invalid('type', 'the envelope needs a `type`: the name of a request');
  const body = plainObject(payload, 'the envelope’s `payload`');
  const { payload: nested, ...lifted } = normaliseIds({ ...idsOf(rest), payload: body });
  return { type, payload: { ...(nested as Record<string, unknown>), ...lifted } };
}

/** Beside `type` and `payload`, an envelope carries ids alone. */
function idsOf(rest: Record<string, unknown>): Record<string, unknown> {
  const names = ['threadId', 'thread_id', 'runId', 'run_id', 'messageId', 'message_id'];
  return Object.fromEntries(Object.entries(rest).filter(([name]) => names.includes(name)));
}

function plainObject(value: unknown, what: string): Record<string, unknown> {
  if (!isPlainObject(value)) throw invalid('payload', `${what} must be an object`);
  return value;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.getPrototypeOf(value) === Object.prototype;
}

function invalid(field: string, message: string): ThreadcastError {
  return invalidFields([{ field, message }]);
}
