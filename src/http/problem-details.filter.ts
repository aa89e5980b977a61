import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';

import { ThreadcastError } from '../errors/index.js';
import { IdGenerator, isThreadId } from '../ids/index.js';
import { Log, tracesOf } from '../logs/index.js';
import { PROBLEM_CONTENT_TYPE, problemDocument, retryAfterSeconds } from '../startup/index.js';
import { httpRefusalOf, type HttpRefusal } from './problem-details.js';
import { routeOf } from './route-of.js';
import { knownPrincipal } from './user.decorator.js';

/**
 * Answers every failed HTTP request with a problem document. What has no code becomes `internal`: the client gets an
 * error id and nothing else, the log gets the same id with everything.
 */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  readonly #log = new Log('Http');

  constructor(private readonly ids: IdGenerator) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw exception;
    const req = host.switchToHttp().getRequest<Request>();
    const res = host.switchToHttp().getResponse<Response>();
    const refusal = httpRefusalOf(exception);
    const { error, status } = refusal === undefined || isUnnamed(refusal.error) ? this.#internal() : refusal;
    this.#tell(exception, error, req);

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

  /** The path is what the client has sent; the log gets the route, and ids that are ids. */
  #tell(exception: unknown, error: ThreadcastError, req: Request): void {
    const { code, entry, details } = error;
    if (entry.logLevel === 'debug' && !this.#log.debugs) return;
    const errorId = details?.['errorId'];
    const { threadId } = req.params;
    const fields = {
      userId: knownPrincipal(req)?.userId,
      threadId: isThreadId(threadId) ? threadId : undefined,
      request: routeOf(req),
      code,
      ...(typeof errorId === 'string' && { errorId }),
    };
    if (entry.logLevel === 'error') this.#log.error(code, fields, tracesOf(exception));
    else if (entry.logLevel === 'info') this.#log.info(code, fields);
    else this.#log.debug(code, fields);
  }
}

/** Without an id by which it is found in the log. */
function isUnnamed({ code, details }: ThreadcastError): boolean {
  return code === 'internal' && details?.['errorId'] === undefined;
}
