import { z } from 'zod';

import { ERRORS, ERROR_TRAITS, type ThreadcastError } from '../errors/index.js';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** An error as an HTTP answer carries it (RFC 9457). */
export const PROBLEM_DOCUMENT = z
  .object({
    type: z.string().describe('`urn:threadcast:error:<code>`.'),
    title: z.string().describe('The same for every problem of this code.'),
    status: z.int(),
    detail: z.string().describe('What it was this time.'),
    ...ERROR_TRAITS,
  })
  .readonly()
  .meta({ id: 'Problem', description: 'Why a request was refused (RFC 9457).' });

export type ProblemDocument = z.infer<typeof PROBLEM_DOCUMENT>;

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
