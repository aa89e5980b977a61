import type { Server } from 'node:http';

import { ExpressAdapter } from '@nestjs/platform-express';

/**
 * Nest's Express adapter on a server that it is given instead of one that it makes. Whoever gives the server listens
 * and closes; `app.listen` is not to be used with it.
 */
export class NestHttpAdapter extends ExpressAdapter {
  readonly #server: Server;

  constructor(server: Server) {
    super();
    this.#server = server;
    this.disable('x-powered-by');
  }

  override initHttpServer(): void {
    this.httpServer = this.#server;
    this.#server.on('request', this.getInstance());
  }
}
