import { createHash } from 'node:crypto';

import type { JsonValue } from '../protocol/index.js';

/** The same for the same JSON, in whatever order its keys are written. SHA-256 as hex. */
export function fingerprint(value: JsonValue): string {
  const ordered = JSON.stringify(value, (_key, part: unknown) => (isObject(part) ? sorted(part) : part));
  return createHash('sha256').update(ordered).digest('hex');
}

function sorted(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
