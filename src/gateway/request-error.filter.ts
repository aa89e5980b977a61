import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';

import { Failures } from './failures.js';
import { requestOf } from './request-metadata.js';

/** Answers a request with whatever its guard, interceptor or handler has thrown. */
@Catch()
export class RequestErrorFilter implements ExceptionFilter {
  constructor(private readonly failures: Failures) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = requestOf(host);
    request.fail(this.failures.toWire(error, request.names));
  }
}
