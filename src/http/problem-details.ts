import { HttpException } from '@nestjs/common';

import { ThreadcastError, type ErrorCode } from '../errors/index.js';

/** How a refused HTTP request is answered. */
export interface HttpRefusal {
  readonly error: ThreadcastError;
  /** The answer's status; it differs from the code's own where HTTP is more exact, as for an unknown route. */
  readonly status: number;
}

/**
 * What an exception means to the client: our own errors as they are, Nest's and Express's by their status.
 * Undefined for everything that is the server's fault and has no code.
 */
export function httpRefusalOf(exception: unknown): HttpRefusal | undefined {
  if (exception instanceof ThreadcastError) return { error: exception, status: exception.entry.status };
  if (!(exception instanceof HttpException)) return undefined;
  const status = exception.getStatus();
  if (status < 400 || status >= 500) return undefined;
  return { error: errorFor(exception, status), status };
}

function errorFor(exception: HttpException, status: number): ThreadcastError {
  if (exception.cause instanceof SyntaxError) {
    // The parser's own words quote the body.
    return new ThreadcastError('invalid_payload', { message: 'The body is not valid JSON.', cause: exception });
  }
  const fields = failedFields(exception);
  return new ThreadcastError(codeFor(status), {
    cause: exception,
    ...(fields === undefined ? { message: exception.message } : { details: { fields } }),
  });
}

function codeFor(status: number): ErrorCode {
  switch (status) {
    case 401:
      return 'unauthenticated';
    case 403:
      return 'forbidden';
    case 404:
      return 'unknown_request';
    case 413:
      return 'message_too_large';
    case 429:
      return 'rate_limited';
    default:
      return 'invalid_payload';
  }
}

/** The sentences of Nest's validation pipe, one for each field that failed. */
function failedFields(exception: HttpException): readonly unknown[] | undefined {
  const response = exception.getResponse();
  const message: unknown = typeof response === 'object' && 'message' in response ? response.message : undefined;
  return Array.isArray(message) ? message : undefined;
}
