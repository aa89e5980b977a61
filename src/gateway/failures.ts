import { Injectable, Logger } from '@nestjs/common';

import { ThreadcastError, type WireError } from '../errors/index.js';
import { IdGenerator } from '../ids/index.js';

/** Makes of whatever was thrown what a client may see: a coded error, or `internal` with an id that is in the log. */
@Injectable()
export class Failures {
  readonly #logger = new Logger('Gateway');

  constructor(private readonly ids: IdGenerator) {}

  toWire(error: unknown): WireError {
    return withRetry(this.toError(error));
  }

  toError(error: unknown): ThreadcastError {
    if (error instanceof ThreadcastError) {
      if (error.entry.logLevel === 'error') this.#logger.error(`${error.code}: ${describe(error.cause ?? error)}`);
      return error;
    }
    const errorId = this.ids.token('err');
    this.#logger.error(`${errorId}: ${describe(error)}`, error instanceof Error ? error.stack : undefined);
    return new ThreadcastError('internal', { details: { errorId }, cause: error });
  }
}

function withRetry(error: ThreadcastError): WireError {
  const wire = error.toWire();
  if (error.retryAfterMs === undefined) return wire;
  return { ...wire, details: { ...wire.details, retryAfterMs: error.retryAfterMs } };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
