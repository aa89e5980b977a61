import type { RequestHandler } from 'express';

import type { Tracing } from '../traces/index.js';
import { routeOf } from './route-of.js';

/**
 * A span for each request, below the caller's where its headers tell of one. Where somebody else makes spans of HTTP
 * requests in this process, theirs is the parent of what follows, and there is no second one.
 */
export function traceRequests(tracing: Tracing): RequestHandler {
  return (req, res, next) => {
    if (!tracing.enabled || tracing.isWithinSpan) {
      next();
      return;
    }
    const span = tracing.begin(`request ${req.method}`, {}, { parent: tracing.caller(req.headers), server: true });
    res.once('close', () => {
      const status = res.headersSent ? res.statusCode : 0;
      span.updateName(`request ${routeOf(req)}`);
      tracing.end(span, { request: routeOf(req), status }, status >= 500 ? String(status) : undefined);
    });
    tracing.within(span, next);
  };
}
