import pg from 'pg';

import { ThreadcastError } from '../../errors/index.js';

const RETRY_AFTER_MS = 1_000;

/**
 * SQLSTATEs that speak of the server, the connection or somebody else's lock, not of the statement: connection (08),
 * read only (25006), idle for too long (25P03), authorization (28), deadlock and the like (40), resources (53), lock not
 * available (55P03), timeouts and shutdown (57), disk (58).
 */
const UNAVAILABLE = /^(?:08|25006|25P03|28|40|53|55P03|57|58)/;

const LOCK_NOT_AVAILABLE = '55P03';

export function unavailable(message: string, cause?: unknown): ThreadcastError {
  const options = { message, retryAfterMs: RETRY_AFTER_MS };
  return new ThreadcastError('storage_unavailable', cause === undefined ? options : { ...options, cause });
}

/** What the driver throws because the server does not answer, as `storage_unavailable`; everything else as it is. */
export function storageError(error: unknown): unknown {
  if (error instanceof ThreadcastError) return error;
  const state = sqlState(error);
  if (state !== null && !UNAVAILABLE.test(state)) return error;
  return new ThreadcastError('storage_unavailable', { retryAfterMs: RETRY_AFTER_MS, cause: error });
}

/** Whether the connection is of no more use: all but what the server itself has answered to a statement. */
export function isLost(error: unknown): boolean {
  const state = sqlState(error);
  return state === null || /^(?:08|25P03|57P)/.test(state);
}

/** What the server has answered; null where it has not. */
export function sqlState(error: unknown): string | null {
  return error instanceof pg.DatabaseError ? (error.code ?? '') : null;
}

/**
 * Whether the server has undone the transaction so that another one could go on. Scenario: two processes make the same two
 * threads, under ids that their users chose, each in another order; rows that are not there yet cannot be locked in order.
 */
export function isGivenWay(error: unknown): boolean {
  const cause = error instanceof ThreadcastError ? error.cause : error;
  return /^40(?:001|P01)$/.test(sqlState(cause) ?? '');
}

/** Whether the server has not waited any longer for what another transaction holds. */
export function isHeldElsewhere(error: unknown): boolean {
  const cause = error instanceof ThreadcastError ? error.cause : error;
  return sqlState(cause) === LOCK_NOT_AVAILABLE;
}

/** Several addresses of one name that all failed come as one error without words. */
export function reason(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return reason(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
