import { Injectable } from '@nestjs/common';

import { ThreadcastError } from '../errors/index.js';
import { Metrics } from '../metrics/index.js';
import { Failures } from './failures.js';
import type { IncomingRequest } from './incoming-request.js';
import { RequestHandlers } from './request-handlers.js';

/** Takes a request through Nest's chain: guard, interceptor, handler; failures go through the filter. */
@Injectable()
export class RequestProcessor {
  #atWork = 0;

  constructor(
    private readonly handlers: RequestHandlers,
    private readonly failures: Failures,
    metrics: Metrics,
  ) {
    metrics.measure('threadcast_gateway_requests_in_hand', {}, () => this.#atWork);
  }

  /** Whatever happens, the request is answered when this resolves. Never rejects. */
  async process(request: IncomingRequest): Promise<void> {
    const { inHand } = request.connection;
    inHand.add(request);
    this.#atWork += 1;
    try {
      const { connection, type, payload } = request;
      const handler = this.handlers.find(type);
      if (handler === undefined) throw new ThreadcastError('unknown_request', { message: unknown(type) });
      const answer = await handler(connection.socket, payload, request, type);
      if (typeof answer === 'object' && answer !== null) request.succeed(answer);
    } catch (error) {
      request.fail(this.failures.toWire(error, request.names));
    } finally {
      inHand.delete(request);
      this.#atWork -= 1;
      if (!request.answered) request.fail(this.failures.toWire(new Error('It gave no answer.'), request.names));
    }
  }
}

function unknown(type: string): string {
  return `There is no request '${type.slice(0, 100)}'.`;
}
