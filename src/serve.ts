import type { AddressInfo } from 'node:net';

import type { LoggerService } from '@nestjs/common';
import type { ExpressAdapter, NestExpressApplication } from '@nestjs/platform-express';

import { AppModule } from './app.module.js';
import type { Clock } from './clock/index.js';
import type { Config } from './config/index.js';
import { SocketAdapter } from './gateway/index.js';
import { configureHttp } from './http/index.js';
import { startServer, type RunningServer } from './startup/index.js';

export interface ServeOptions {
  readonly logger?: LoggerService;
  /** Aborted: the start is given up. */
  readonly signal?: AbortSignal;
  /** The clock that the application uses, where it is not the machine's own. */
  readonly clock?: Clock;
  /** Called once the port is taken, while everybody is still answered 503. */
  readonly onListening?: (address: AddressInfo) => void;
  /** Makes the application; for modules of one's own beside it. Default: `AppModule` alone. */
  readonly createApp?: (adapter: ExpressAdapter) => Promise<NestExpressApplication>;
}

/** By polling, and an event stream beside it. */
const SOCKETS_PER_CONNECTION = 3;

/** For requests that have no connection. */
const SPARE_SOCKETS = 1_000;

/** Serves until told to stop. Listens at once, and answers 503 until everything is ready. */
export function serve(config: Config, options: ServeOptions = {}): Promise<RunningServer> {
  const { logger, signal, clock, onListening, createApp } = options;
  return startServer({
    host: config.host,
    port: config.port,
    maxSockets: config.maxConnections * SOCKETS_PER_CONNECTION + SPARE_SOCKETS,
    configure,
    ...(logger !== undefined && { logger }),
    ...(signal !== undefined && { signal }),
    ...(clock !== undefined && { clock }),
    ...(onListening !== undefined && { onListening }),
    ...(createApp !== undefined ? { createApp } : { module: AppModule.forRoot(config) }),
  });
}

function configure(app: NestExpressApplication): void {
  configureHttp(app);
  app.useWebSocketAdapter(new SocketAdapter(app));
}
