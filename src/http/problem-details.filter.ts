import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';

import { ThreadcastError } from '../errors/index.js';
import { IdGenerator } from '../ids/index.js';
import { PROBLEM_CONTENT_TYPE, problemDocument, retryAfterSeconds } from '../startup/index.js';
import { httpRefusalOf, type HttpRefusal } from './problem-details.js';

/**
 * Answers every failed HTTP request with a problem document. What has no code becomes `internal`: the client gets an
 * error id and nothing else, the log gets the same id with everything.
 */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  readonly #logger = new Logger('Http');

  constructor(private readonly ids: IdGenerator) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw exception;
    const req = host.switchToHttp().getRequest<Request>();
    const res = host.switchToHttp().getResponse<Response>();
    const refusal = httpRefusalOf(exception);
    const { error, status } = refusal === undefined || refusal.error.code === 'internal' ? this.#internal() : refusal;
    this.#log(exception, error, `${req.method} ${req.path}`);

    if (res.headersSent) {
      // A stream that fails half way cannot be answered any more, only broken off, so that it does not look complete.
      res.destroy();
      return;
    }
    const retryAfter = retryAfterSeconds(error);
    if (retryAfter !== undefined) res.setHeader('Retry-After', String(retryAfter));
    if (status === 401) res.setHeader('WWW-Authenticate', 'Bearer');
    res
      .status(status)
      .type(PROBLEM_CONTENT_TYPE)
      .send(JSON.stringify(problemDocument(error, status)));
  }

  #internal(): HttpRefusal {
    const error = new ThreadcastError('internal', { details: { errorId: this.ids.token('err') } });
    return { error, status: error.entry.status };
  }

  #log(exception: unknown, error: ThreadcastError, request: string): void {
    const { logLevel } = error.entry;
    const id = error.details?.['errorId'];
    const text = `${request}: ${error.code}${typeof id === 'string' ? ` ${id}` : ''}`;
    if (logLevel === 'error') this.#logger.error(text, tracesOf(exception));
    else if (logLevel === 'info') this.#logger.log(`${text}: ${error.message}`);
    else this.#logger.debug(`${text}: ${error.message}`);
  }
}

/** The stack of what was thrown and of all that caused it. */
function tracesOf(exception: unknown): string {
  if (!(exception instanceof Error)) return String(exception);
  const own = exception.stack ?? exception.message;
  return exception.cause === undefined ? own : `${own}\ncaused by ${tracesOf(exception.cause)}`;
}
