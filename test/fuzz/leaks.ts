import { ERRORS } from '../../src/errors/index.js';

/** What no answer may say: how the server is made, where it lies, what went wrong inside it. */
const INTERNALS: readonly RegExp[] = [
  /node_modules|node:internal|file:\/\/|\/src\/|\/dist\//,
  /\bat \S+ \(|:\d+:\d+\)|\.[cm]?[jt]s:\d+/,
  /\b(?:Type|Range|Reference|Syntax|Eval|URI|Sqlite|Assertion|Aggregate|Threadcast)(?:Error|Exception)\b/,
  /SQLITE_|SQLite|\bselect\b.{1,200}\bfrom\b|\binsert into\b|constraint failed|no such (?:table|column)|kysely/i,
  /Cannot (?:read|set|destructure|convert|access)|is not (?:a function|iterable|defined|a constructor)/,
  /Unexpected (?:token|end of|non-whitespace)|in JSON at|Maximum call stack|\[object \w+\]/,
  /dev-secret|threadcast\.db|DATA_DIR/,
];

/** What an answer says that it must not; null: nothing. */
export function leakIn(text: string): string | null {
  for (const pattern of INTERNALS) {
    const found = pattern.exec(text);
    if (found !== null)
      return `${String(pattern)} in …${text.slice(Math.max(0, found.index - 80), found.index + 120)}…`;
  }
  return null;
}

/**
 * What is wrong with an error that a client was given; null: nothing. Nothing is broken on purpose here, so
 * `internal` and a storage that does not answer are faults of the server.
 */
export function errorFault(error: unknown): string | null {
  const { code, message, retryable } = (error ?? {}) as Record<string, unknown>;
  if (typeof code !== 'string' || !Object.hasOwn(ERRORS, code)) return `an error without a known code`;
  if (code === 'internal' || code === 'storage_unavailable') return `an error of the server: ${code}`;
  if (typeof message !== 'string' || message === '') return 'an error without words';
  return retryable === ERRORS[code as keyof typeof ERRORS].retryable ? null : 'an error that does not say what to do';
}
