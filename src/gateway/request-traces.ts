import { Injectable } from '@nestjs/common';

import { ERRORS } from '../errors/index.js';
import { Tracing, type Span } from '../traces/index.js';
import type { IncomingRequest, RequestOutcome } from './incoming-request.js';

/** Spans of requests: from arrival to answer, and below it the time of the handler. */
@Injectable()
export class RequestTraces {
  readonly #spans = new WeakMap<IncomingRequest, Span>();

  constructor(private readonly tracing: Tracing) {}

  arrived(request: IncomingRequest): IncomingRequest {
    if (!this.tracing.enabled) return request;
    const { names } = request;
    const span = this.tracing.begin(`request ${String(names['request'])}`, names, { parent: null, server: true });
    this.#spans.set(request, span);
    return request;
  }

  /** `work` never rejects. */
  process(request: IncomingRequest, work: (request: IncomingRequest) => Promise<void>): Promise<void> {
    const parent = this.#spans.get(request);
    return parent === undefined ? work(request) : this.#traced(request, parent, work);
  }

  async #traced(request: IncomingRequest, parent: Span, work: (request: IncomingRequest) => Promise<void>) {
    const { names } = request;
    const span = this.tracing.begin(`handler ${String(names['request'])}`, names, { parent });
    await this.tracing.within(span, () => work(request));
    this.tracing.end(span);
  }

  ended(request: IncomingRequest, outcome: RequestOutcome): void {
    const span = this.#spans.get(request);
    if (span === undefined) return;
    const failed = outcome !== 'ok' && outcome !== 'dropped' && ERRORS[outcome].status >= 500;
    this.tracing.end(span, { ...request.names, outcome }, failed ? outcome : undefined);
  }
}
