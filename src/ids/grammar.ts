import type { ConnectionId, RunId, ThreadId } from './brands.js';
import { invalidId, kindOf } from './invalid-id.js';

/**
 * The grammar of ids: what is generated, validated and parsed is made from the rules in this file alone.
 *
 *   thread id      thread_{key}
 *   run id         {thread id}_run_{time}_{mark}
 *   only parsed    run_{key or thread id}_{8 lower-case hex}, and a repeated `thread_` in either run id
 *   connection id  conn_{uuid}
 *
 * A key contains no `_run_` and a time and a mark contain no underscore, so a run id is read from its end in
 * one way only, also where a key ends in `_run` or begins with `run_`. Nothing is trimmed, case is never folded.
 */
const THREAD = 'thread_';
const RUN = '_run_';
const LEGACY_RUN = 'run_';
const CONNECTION = 'conn_';

const MAX_KEY_CHARACTERS = 128;

/** Longer ones are refused unread; leaves room for more repeated prefixes than anybody has seen. */
const MAX_ID_CHARACTERS = 1024;

const KEY_RULES: readonly { readonly fits: (key: string) => boolean; readonly fault: string }[] = [
  { fits: (key) => key.length > 0, fault: 'its key is empty' },
  {
    fits: (key) => key.length <= MAX_KEY_CHARACTERS,
    fault: `its key is longer than ${MAX_KEY_CHARACTERS} characters`,
  },
  { fits: (key) => /^[A-Za-z0-9_-]+$/.test(key), fault: 'its key has characters other than A-Z a-z 0-9 _ -' },
  {
    fits: (key) => /^[A-Za-z0-9]/.test(key) && /[A-Za-z0-9]$/.test(key),
    fault: 'its key does not begin and end with a letter or digit',
  },
  { fits: (key) => !key.startsWith(THREAD), fault: `its key begins with ${THREAD} again` },
  { fits: (key) => !key.includes('__'), fault: 'its key contains __' },
  { fits: (key) => !key.includes(RUN), fault: `its key contains ${RUN}` },
];

const RUN_TIME = String.raw`\d+`;
const RUN_MARK = '[A-Za-z0-9]{1,32}';
const LEGACY_MARK = '[0-9a-f]{8}';
const RUN_TAIL = new RegExp(`${RUN}(${RUN_TIME})_(${RUN_MARK})$`);
const LEGACY_TAIL = new RegExp(`_(${LEGACY_MARK})$`);
const CONNECTION_ID = new RegExp(`^${CONNECTION}[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`);

const KEY_FORM = 'key: 1-128 of A-Z a-z 0-9 _ -, letter or digit first and last, without __ and _run_';
const THREAD_FORMS = ['thread_{key}', KEY_FORM];
const RUN_FORMS = [
  'thread_{key}_run_{digits}_{1-32 of A-Z a-z 0-9}',
  'run_{key or thread id}_{8 lower-case hex}',
  'either with a repeated prefix: thread_thread_{key}…',
  KEY_FORM,
];
const CONNECTION_FORMS = ['conn_{lower-case uuid}'];

/** A run id as it is kept, and the thread that it names. */
export interface ParsedRunId {
  readonly runId: RunId;
  readonly threadId: ThreadId;
}

export function isThreadId(value: unknown): value is ThreadId {
  return threadFault(value) === null;
}

/** Throws `invalid_id`. */
export function parseThreadId(value: unknown): ThreadId {
  const fault = threadFault(value);
  if (fault !== null) throw invalidId('thread', value, THREAD_FORMS, fault);
  return value as ThreadId;
}

/** The id of the thread with this key. Throws `invalid_id`. */
export function threadIdOfKey(key: string): ThreadId {
  return parseThreadId(THREAD + key);
}

/** The canonical id of a run. `time`: Unix ms; `mark`: 1–32 letters and digits. */
export function runIdOf(threadId: ThreadId, time: number, mark: string): RunId {
  return `${threadId}${RUN}${Math.floor(time)}_${mark}` as RunId;
}

/** Reads every accepted form; `runId` is the normalised one. Throws `invalid_id`. */
export function parseRunId(value: unknown): ParsedRunId {
  const parsed = readRunId(value);
  if (typeof parsed === 'string') throw invalidId('run', value, RUN_FORMS, parsed);
  return parsed;
}

export function connectionIdOf(uuid: string): ConnectionId {
  return `${CONNECTION}${uuid}` as ConnectionId;
}

export function isConnectionId(value: unknown): value is ConnectionId {
  return connectionFault(value) === null;
}

/** Throws `invalid_id`. */
export function parseConnectionId(value: unknown): ConnectionId {
  const fault = connectionFault(value);
  if (fault !== null) throw invalidId('connection', value, CONNECTION_FORMS, fault);
  return value as ConnectionId;
}

/** The parsed id, or what did not fit. */
function readRunId(value: unknown): ParsedRunId | string {
  const fault = textFault(value);
  if (fault !== null) return fault;
  const text = value as string;
  if (text.startsWith(THREAD)) {
    const tail = RUN_TAIL.exec(text);
    if (tail === null) return `it does not end in ${RUN}{digits}_{1-32 letters or digits}`;
    return ofKey(text.slice(THREAD.length, tail.index), (key) => `${THREAD}${key}${tail[0]}`);
  }
  if (text.startsWith(LEGACY_RUN)) {
    const tail = LEGACY_TAIL.exec(text);
    if (tail === null) return 'it does not end in _{8 lower-case hex}';
    return ofKey(text.slice(LEGACY_RUN.length, tail.index), (key) => `${LEGACY_RUN}${key}${tail[0]}`);
  }
  return `it begins with neither ${THREAD} nor ${LEGACY_RUN}`;
}

function ofKey(prefixed: string, normalised: (key: string) => string): ParsedRunId | string {
  let start = 0;
  while (prefixed.startsWith(THREAD, start)) start += THREAD.length;
  const key = prefixed.slice(start);
  return keyFault(key) ?? { runId: normalised(key) as RunId, threadId: (THREAD + key) as ThreadId };
}

function threadFault(value: unknown): string | null {
  const fault = textFault(value);
  if (fault !== null) return fault;
  const text = value as string;
  return text.startsWith(THREAD) ? keyFault(text.slice(THREAD.length)) : `it does not begin with ${THREAD}`;
}

function connectionFault(value: unknown): string | null {
  const fault = textFault(value);
  if (fault !== null) return fault;
  return CONNECTION_ID.test(value as string) ? null : `it is not ${CONNECTION} and a lower-case uuid`;
}

function keyFault(key: string): string | null {
  return KEY_RULES.find((rule) => !rule.fits(key))?.fault ?? null;
}

function textFault(value: unknown): string | null {
  if (typeof value !== 'string') return `it is not text but ${kindOf(value)}`;
  return value.length > MAX_ID_CHARACTERS ? `it is longer than ${MAX_ID_CHARACTERS} characters` : null;
}
