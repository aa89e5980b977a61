import { ThreadcastError } from '../errors/index.js';

/** The ids that a request may also spell in snake_case, and may also carry inside `payload`. */
const SPELLINGS = [
  ['threadId', 'thread_id'],
  ['runId', 'run_id'],
  ['messageId', 'message_id'],
] as const;

/**
 * A copy of a request in which `threadId`, `runId` and `messageId` stand at the top level under these names,
 * however they were spelled and whether they stood there or in `payload`; the snake_case keys at the top are gone.
 * `payload` itself is left as it is. An id that is null or undefined counts as not given.
 *
 * Throws `invalid_payload` when one id is given twice with different values: guessing which was meant could reach
 * the wrong thread.
 */
export function normaliseIds(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { payload } = body;
  const places = isRecord(payload) ? [body, payload] : [body];
  const isSpelling = ([key]: [string, unknown]): boolean => SPELLINGS.flat().some((spelling) => spelling === key);
  const copy = Object.fromEntries(Object.entries(body).filter((entry) => !isSpelling(entry)));
  const conflicts: { field: string; message: string }[] = [];
  for (const spellings of SPELLINGS) {
    const [name] = spellings;
    const given = places
      .flatMap((place) => spellings.map((spelling) => ownValue(place, spelling)))
      .filter((value) => value !== undefined && value !== null);
    if (given.length > 0) copy[name] = given[0];
    if (given.some((value) => value !== given[0])) {
      conflicts.push({ field: name, message: `${name} is given more than once, with different values` });
    }
  }
  if (conflicts.length === 0) return copy;
  throw new ThreadcastError('invalid_payload', {
    message: `${conflicts.map(({ message }) => message).join('; ')}.`,
    details: { fields: conflicts },
  });
}

function ownValue(record: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
