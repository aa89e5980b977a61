import type { AddressInfo } from 'node:net';

import { Logger, type DynamicModule, type LoggerService, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { ExpressAdapter, NestExpressApplication } from '@nestjs/platform-express';

import { SystemClock, type Clock } from '../clock/index.js';
import { Metrics } from '../metrics/index.js';
import { withDeadline } from './deadline.js';
import { Drainer } from './drainer.js';
import { GatedServer } from './gated-server.js';
import { Health } from './health.js';
import { Lifecycle } from './lifecycle.js';
import { NestHttpAdapter } from './nest-http-adapter.js';
import { reasonOf } from './startup-error.js';
import { StartupOptions } from './startup-options.js';
import { StartupRunner } from './startup-runner.js';

interface ServerPlace {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly logger?: LoggerService;
  /** Pipes, adapters, body parsers; called before the application is initialised. */
  readonly configure?: (app: NestExpressApplication) => void | Promise<void>;
  /** TCP connections that are open at once; more are closed as they come. Not given: as many as the system lets. */
  readonly maxSockets?: number;
  /** Called once the port is taken, while everybody is still answered 503. */
  readonly onListening?: (address: AddressInfo) => void;
  /** The machine's own time when not given. It is to be the clock that the application uses. */
  readonly clock?: Clock;
  /** Aborted: the start is given up, and rejects with the signal's reason. Has no effect once started. */
  readonly signal?: AbortSignal;
}

/** `module`: the root module, which must import `StartupModule`. `createApp`: how tests bring one with overrides. */
export type ServerOptions = ServerPlace &
  (
    | { readonly module: Type | DynamicModule }
    | { readonly createApp: (adapter: ExpressAdapter) => NestExpressApplication | Promise<NestExpressApplication> }
  );

export interface RunningServer {
  readonly app: NestExpressApplication;
  readonly address: AddressInfo;
  /** How this machine reaches the server, without a slash at the end. */
  readonly url: string;
  /**
   * Refuses what is new, runs the drain steps, closes the application and every connection; within the grace of
   * `StartupOptions`. What fails on the way is logged and stops nothing. Repeated calls join the first one.
   */
  drainAndClose(): Promise<void>;
}

/**
 * Listens at once, answers 503 until the application is initialised and every startup task has resolved, and resolves
 * when the gate is open. When anything fails, all of it is closed again and the promise rejects with the reason.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const clock = options.clock ?? new SystemClock();
  let lifecycle: Lifecycle | undefined;
  let health: Health | undefined;
  const view = {
    phase: () => lifecycle?.phase ?? 'starting',
    startup: () => health?.startup() ?? ({ status: 'starting', tasks: [] } as const),
    refused: () => app?.get(Metrics).add('threadcast_startup_refused_sockets_total', {}),
  };
  let app: NestExpressApplication | undefined;
  const gate = new GatedServer(view, clock, options.maxSockets);
  try {
    const address = await gate.listen(options.port, options.host);
    options.onListening?.(address);
    app = await createApp(options, new NestHttpAdapter(gate.inner));
    lifecycle = app.get(Lifecycle);
    health = app.get(Health);
    await options.configure?.(app);
    options.signal?.throwIfAborted();
    await app.init();
    await app.get(StartupRunner).run(app.get(StartupOptions).startupTimeoutMs, options.signal);
    options.signal?.throwIfAborted();
    app.get(Lifecycle).moveTo('ready');
    return new OpenServer(app, address, gate, clock);
  } catch (error) {
    lifecycle?.moveTo('stopped');
    await gate.shutdown(0);
    if (app !== undefined) await closeApp(app, clock, new StartupOptions().shutdownGraceMs);
    throw error;
  }
}

class OpenServer implements RunningServer {
  readonly url: string;
  #closed: Promise<void> | undefined;

  constructor(
    readonly app: NestExpressApplication,
    readonly address: AddressInfo,
    private readonly gate: GatedServer,
    private readonly clock: Clock,
  ) {
    this.url = urlOf(address);
  }

  drainAndClose(): Promise<void> {
    this.#closed ??= this.#drainAndClose();
    return this.#closed;
  }

  async #drainAndClose(): Promise<void> {
    const { shutdownGraceMs } = this.app.get(StartupOptions);
    const lifecycle = this.app.get(Lifecycle);
    const begun = this.clock.monotonic();
    const leftMs = (share: number): number =>
      Math.max(0, Math.round(shutdownGraceMs * share - (this.clock.monotonic() - begun)));

    lifecycle.moveTo('draining');
    await this.app.get(Drainer).drain(shutdownGraceMs);
    await attempt('Requests in hand', this.clock, leftMs(0.95), () => this.gate.requestsEnded());
    const closed = this.gate.shutdown(leftMs(1));
    await closeApp(this.app, this.clock, leftMs(1));
    lifecycle.moveTo('stopped');
    await closed;
  }
}

async function createApp(options: ServerOptions, adapter: NestHttpAdapter): Promise<NestExpressApplication> {
  if ('createApp' in options) return options.createApp(adapter);
  const { logger } = options;
  return NestFactory.create<NestExpressApplication>(options.module, adapter, {
    abortOnError: false,
    ...(logger === undefined ? {} : { logger }),
  });
}

function closeApp(app: NestExpressApplication, clock: Clock, limitMs: number): Promise<void> {
  return attempt('Closing the application', clock, limitMs, () => app.close());
}

async function attempt(what: string, clock: Clock, limitMs: number, work: () => Promise<void>): Promise<void> {
  try {
    await withDeadline(clock, limitMs, work);
  } catch (error) {
    new Logger('Server').error(`${what}: ${reasonOf(error)}`, error instanceof Error ? error.stack : undefined);
  }
}

function urlOf({ address, family, port }: AddressInfo): string {
  const wildcard = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `http://${family === 'IPv6' ? `[${wildcard}]` : wildcard}:${port}`;
}
