import type { RequestHandler } from 'express';

import type { Metrics } from '../metrics/index.js';
import { routeOf } from './route-of.js';

/**
 * Counts each request when its answer is over, under the pattern of the route that took it: never under a path, which
 * has ids in it and can be made up without end. `closed`: the client went before it was answered.
 */
export function countRequests(metrics: Metrics): RequestHandler {
  return (req, res, next) => {
    res.once('close', () => {
      const status = res.headersSent ? String(res.statusCode) : 'closed';
      metrics.add('threadcast_http_requests_total', { route: routeOf(req), status });
    });
    next();
  };
}
