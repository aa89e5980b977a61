import { ERRORS, type ErrorCode, type ErrorEntry } from './catalogue.js';
import type { ErrorDetails, WireError } from './wire-error.js';

export interface ThreadcastErrorOptions {
  /** What to say instead of the catalogue's sentence. Never a stack trace, never content of others. */
  readonly message?: string;
  readonly details?: ErrorDetails;
  /** When the same request may succeed, in ms from now; becomes `Retry-After` over HTTP. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A refusal or failure with a code of the catalogue. Everything else that is thrown becomes `internal`. */
export class ThreadcastError extends Error {
  override readonly name = 'ThreadcastError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, options: ThreadcastErrorOptions = {}) {
    super(options.message ?? ERRORS[code].message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }

  toWire(): WireError {
    const wire = { code: this.code, message: this.message, retryable: this.entry.retryable };
    return this.details === undefined ? wire : { ...wire, details: this.details };
  }
}
