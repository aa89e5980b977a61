import { Injectable } from '@nestjs/common';
import { lastValueFrom } from 'rxjs';

import { ThreadcastError } from '../errors/index.js';
import { Failures } from './failures.js';
import type { IncomingRequest } from './incoming-request.js';
import { RequestHandlers } from './request-handlers.js';

/** Takes a request through Nest's chain: guard, interceptor, handler; failures go through the filter. */
@Injectable()
export class RequestProcessor {
  constructor(
    private readonly handlers: RequestHandlers,
    private readonly failures: Failures,
  ) {}

  /** Whatever happens, the request is answered when this resolves. Never rejects. */
  async process(request: IncomingRequest): Promise<void> {
    const { inHand } = request.connection;
    inHand.add(request);
    try {
      const handler = this.handlers.find(request.connection.socket, request.type);
      if (handler === undefined) throw new ThreadcastError('unknown_request', { message: unknown(request.type) });
      const result = await handler(request.payload, request);
      if (result === undefined) return;
      const answer: unknown = await lastValueFrom(result, { defaultValue: undefined });
      if (typeof answer === 'object' && answer !== null) request.succeed(answer);
    } catch (error) {
      request.fail(this.failures.toWire(error));
    } finally {
      inHand.delete(request);
      if (!request.answered) request.fail(this.failures.toWire(new Error(`'${request.type}' gave no answer`)));
    }
  }
}

function unknown(type: string): string {
  return `There is no request '${type.slice(0, 100)}'.`;
}
