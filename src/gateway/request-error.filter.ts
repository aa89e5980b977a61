import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';

import { Failures } from './failures.js';
import { requestOf } from './request-metadata.js';

/** Answers a request with whatever its guard, interceptor or handler has thrown. */
@Catch()
export class RequestErrorFilter implements ExceptionFilter {
  constructor(private readonly failures: Failures) {}

  /** Null says that it was handled: what a filter answers with nothing, Nest logs as an error and throws on. */
  catch(error: unknown, host: ArgumentsHost): null {
    const request = requestOf(host);
    request.fail(this.failures.toWire(error, request.names));
    return null;
  }
}
