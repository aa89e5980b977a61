import { ERRORS, type ErrorCode, type ErrorDetails, type ThreadcastError } from '../errors/index.js';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** An error as an HTTP answer carries it (RFC 9457). */
export interface ProblemDocument {
  /** `urn:threadcast:error:<code>`. */
  readonly type: string;
  /** The same for every problem of this code. */
  readonly title: string;
  readonly status: number;
  /** What it was this time. */
  readonly detail: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details?: ErrorDetails;
}

/** `status`: where the answer's status is not the one that the catalogue gives to the code. */
export function problemDocument(error: ThreadcastError, status = error.entry.status): ProblemDocument {
  const { code, details, message } = error;
  const { message: title, retryable } = ERRORS[code];
  const problem = { type: `urn:threadcast:error:${code}`, title, status, detail: message, code, retryable };
  return details === undefined ? problem : { ...problem, details };
}

/** The value of `Retry-After` in whole seconds, at least 1; undefined where waiting alone does not help. */
export function retryAfterSeconds(error: ThreadcastError): number | undefined {
  if (error.retryAfterMs !== undefined) return Math.max(1, Math.ceil(error.retryAfterMs / 1000));
  const { status, retryable } = error.entry;
  return retryable && (status === 503 || status === 429) ? 1 : undefined;
}
