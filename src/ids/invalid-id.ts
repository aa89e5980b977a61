import { ThreadcastError } from '../errors/index.js';

const MAX_RECEIVED_CHARACTERS = 200;

/** The refusal of an id: what was received (its beginning), the forms that are accepted, and what did not fit. */
export function invalidId(
  what: 'thread' | 'run' | 'connection',
  received: unknown,
  accepted: readonly string[],
  fault: string,
): ThreadcastError {
  return new ThreadcastError('invalid_id', {
    message: `The ${what} id cannot be read: ${fault}.`,
    details: { received: shown(received), accepted, fault },
  });
}

function shown(received: unknown): string {
  if (typeof received !== 'string') return kindOf(received);
  return received.length <= MAX_RECEIVED_CHARACTERS ? received : `${received.slice(0, MAX_RECEIVED_CHARACTERS)}…`;
}

/** `null`, `array`, or what `typeof` says. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
