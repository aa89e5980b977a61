import { ThreadcastError } from '../errors/index.js';
import type { JsonObject, JsonValue } from '../protocol/index.js';

/** What `echo` is asked to do, with the defaults filled in. */
export interface EchoInput {
  readonly text: string;
  readonly repeat: number;
  readonly delayMs: number;
  readonly failAfter?: number;
  readonly stallAfter?: number;
  readonly ask?: string;
}

const MAX_WORDS = 1_000_000;
/** A word can be long: bounds what many of them make. */
const MAX_CHARS = 33_554_432;
const MAX_DELAY_MS = 60_000;

interface Field {
  readonly field: string;
  readonly message: string;
}

/** Throws `invalid_payload` with every field that is wrong. Fields that are not known are left out. */
export function echoInput(given: JsonValue): EchoInput {
  const source = typeof given === 'string' ? { text: given } : given;
  if (typeof source !== 'object' || source === null || isList(source)) {
    throw refused([{ field: 'input', message: 'is a string, or an object with text' }]);
  }
  const faults: Field[] = [];
  const { text, ask } = source;
  if (typeof text !== 'string' && !(text === undefined && typeof ask === 'string')) {
    faults.push({ field: 'text', message: 'is a string' });
  }
  if (ask !== undefined && typeof ask !== 'string') faults.push({ field: 'ask', message: 'is a string' });
  const repeat = whole(source, 'repeat', 1, MAX_WORDS, faults);
  const delayMs = whole(source, 'delayMs', 0, MAX_DELAY_MS, faults);
  const failAfter = whole(source, 'failAfter', 0, Number.MAX_SAFE_INTEGER, faults);
  const stallAfter = whole(source, 'stallAfter', 0, Number.MAX_SAFE_INTEGER, faults);
  if (faults.length > 0) throw refused(faults);

  const input = { text: typeof text === 'string' ? text : '', repeat: repeat ?? 1, delayMs: delayMs ?? 0 };
  const fault = tooMuch(input.text, input.repeat);
  if (fault !== null) throw refused([fault]);
  return {
    ...input,
    ...(failAfter === undefined ? {} : { failAfter }),
    ...(stallAfter === undefined ? {} : { stallAfter }),
    ...(typeof ask === 'string' ? { ask } : {}),
  };
}

/** Whether repeating the text makes more than one run may say. */
export function tooMuch(text: string, repeat: number): Field | null {
  const words = countWords(text) * repeat;
  if (words > MAX_WORDS) return { field: 'repeat', message: `makes ${words} words; at most ${MAX_WORDS} are accepted` };
  const chars = text.length * repeat;
  if (chars <= MAX_CHARS) return null;
  return { field: 'repeat', message: `makes ${chars} characters; at most ${MAX_CHARS} are accepted` };
}

export function countWords(text: string): number {
  return text.match(/\S+/gu)?.length ?? 0;
}

/** Each word with the white space after it, what is before the first one with that. Together they are the text. */
export function wordPieces(text: string): readonly string[] {
  return text.match(/^\s*\S+\s*|\S+\s*|^\s+$/gu) ?? [];
}

function whole(source: JsonObject, field: string, min: number, max: number, faults: Field[]): number | undefined {
  const value = source[field];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  const upTo = max === Number.MAX_SAFE_INTEGER ? ' or more' : ` to ${max}`;
  faults.push({ field, message: `is a whole number, ${min}${upTo}` });
  return undefined;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function refused(fields: readonly Field[]): ThreadcastError {
  const message = `The input of echo is not accepted: ${fields.map((fault) => `${fault.field} ${fault.message}`).join('; ')}.`;
  return new ThreadcastError('invalid_payload', { message, details: { fields } });
}
