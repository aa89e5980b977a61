import { Injectable } from '@nestjs/common';

import { ThreadcastError, type WireError } from '../errors/index.js';
import { IdGenerator } from '../ids/index.js';
import { Log, tracesOf, type LineFields } from '../logs/index.js';

/** Makes of whatever was thrown what a client may see: a coded error, or `internal` with an id that is in the log. */
@Injectable()
export class Failures {
  readonly #log = new Log('Gateway');

  constructor(private readonly ids: IdGenerator) {}

  /** `names`: whose failure it is, for the log. */
  toWire(error: unknown, names: LineFields): WireError {
    return withRetry(this.toError(error, names));
  }

  toError(error: unknown, names: LineFields): ThreadcastError {
    if (error instanceof ThreadcastError) {
      const { code, entry, cause = error } = error;
      if (entry.logLevel === 'error') this.#log.error(`${code}: ${describe(cause)}`, { ...names, code });
      return error;
    }
    const errorId = this.ids.token('err');
    this.#log.error(`${errorId}: ${describe(error)}`, { ...names, code: 'internal', errorId }, tracesOf(error));
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
