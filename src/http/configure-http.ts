import type { NestExpressApplication } from '@nestjs/platform-express';

import { Metrics } from '../metrics/index.js';
import { Tracing } from '../traces/index.js';
import { BearerAuthentication } from './bearer-authentication.js';
import { countRequests } from './count-requests.js';
import { HttpOptions } from './http-options.js';
import { traceRequests } from './trace-requests.js';

/**
 * What stands before the routes, in this order: counting, tracing, CORS, authentication, the body. Nobody without a valid
 * token has a body read or a fault of it explained. To be called once, before the application is initialised:
 * Nest's own body parser would otherwise come first.
 */
export function configureHttp(app: NestExpressApplication): void {
  const { corsOrigins, maxMessageBytes } = app.get(HttpOptions);
  const authentication = app.get(BearerAuthentication);
  app.use(countRequests(app.get(Metrics)));
  app.use(['/api', '/debug'], traceRequests(app.get(Tracing)));
  if (corsOrigins.length > 0) {
    app.enableCors({
      origin: corsOrigins.includes('*') ? '*' : [...corsOrigins],
      exposedHeaders: ['Retry-After', 'WWW-Authenticate'],
      maxAge: 600,
    });
  }
  app.use(['/api', '/debug'], authentication.middleware());
  app.useBodyParser('json', { limit: maxMessageBytes });
}
