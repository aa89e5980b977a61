import { userIdFault } from '../../identity/index.js';
import { text, wholeNumber, type Parameter } from '../query.js';

export const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

export const LIMIT = wholeNumber('The most of one page.', { least: 1, cap: MAX_LIMIT, otherwise: DEFAULT_LIMIT });

/** The parameters of a list. */
export const PAGE = { limit: LIMIT, cursor: text('`nextCursor` of the page before.') };

export function userId(description: string): Parameter<string> {
  return {
    schema: { type: 'string', minLength: 1, maxLength: 256, description },
    read: (value) => {
      const fault = userIdFault(value);
      return fault === null ? { value } : { must: `be a user’s id, and ${fault}` };
    },
  };
}

/**
 * The first `limit` by key, and the key to go on after; null: there is no more. What several nodes have under one key
 * stays together, past the limit if need be.
 */
export function pageOf<T>(
  items: readonly T[],
  limit: number,
  keyOf: (item: T) => string,
): { page: T[]; nextCursor: string | null } {
  const sorted = [...items].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  const last = sorted[limit - 1];
  if (last === undefined) return { page: sorted, nextCursor: null };
  const page = sorted.filter((item) => keyOf(item) <= keyOf(last));
  return { page, nextCursor: page.length === sorted.length ? null : keyOf(last) };
}
