import type { Server as HttpServer } from 'node:http';

import { Controller, Get, Post, type LoggerService, type Provider, type WsMessageHandler } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AbstractWsAdapter, ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Test } from '@nestjs/testing';
import { isObservable, lastValueFrom, type Observable } from 'rxjs';
import { Server, type Socket } from 'socket.io';

import { Clock, SystemClock } from '../../src/clock/index.js';
import { HealthController } from '../../src/http/health.controller.js';
import { MetricsController } from '../../src/http/metrics.controller.js';
import { ProblemDetailsFilter } from '../../src/http/problem-details.filter.js';
import { IdModule } from '../../src/ids/index.js';
import { MetricsModule } from '../../src/metrics/index.js';
import {
  StartupModule,
  StartupTask,
  startServer,
  type RunningServer,
  type StartupOptions,
} from '../../src/startup/index.js';

/** A step of a race: whoever comes waits in `pass`, until the test lets go. */
export class Gate {
  readonly #opened: Promise<void>;
  readonly #came: Promise<void>;
  #open!: () => void;
  #arrive!: () => void;

  constructor() {
    this.#opened = new Promise((resolve) => (this.#open = resolve));
    this.#came = new Promise((resolve) => (this.#arrive = resolve));
  }

  pass(): Promise<void> {
    this.#arrive();
    return this.#opened;
  }

  open(): void {
    this.#open();
  }

  /** Resolves when somebody stands before the gate, or has passed. */
  get arrival(): Promise<void> {
    return this.#came;
  }
}

/** The gate of the requests to `GET /api/slow`. */
export class SlowRequests extends Gate {}

@Controller('api')
class ApiController {
  constructor(private readonly slow: SlowRequests) {}

  @Get('quick')
  quick(): { ok: true } {
    return { ok: true };
  }

  @Post('quick')
  post(): { ok: true } {
    return { ok: true };
  }

  @Get('slow')
  async held(): Promise<{ ok: true }> {
    await this.slow.pass();
    return { ok: true };
  }
}

/** As little of Socket.IO as answers a `ping`. */
class PlainSocketAdapter extends AbstractWsAdapter {
  override create(): Server {
    return new Server(this.httpServer as HttpServer);
  }

  override bindMessageHandlers(socket: Socket, handlers: WsMessageHandler[]): void {
    for (const { message, callback } of handlers) {
      const handle = callback as (payload: unknown) => Promise<Observable<unknown>>;
      socket.on(message, (...args: unknown[]) => {
        const ack = args.at(-1) as (answer: unknown) => void;
        void handle(undefined).then(async (answer) => ack(isObservable(answer) ? await lastValueFrom(answer) : answer));
      });
    }
  }
}

@WebSocketGateway()
class PingGateway {
  @SubscribeMessage('ping')
  ping(@ConnectedSocket() socket: Socket): { id: string } {
    return { id: socket.id };
  }
}

/** A task that resolves when the test says so. */
export class HeldTask extends StartupTask {
  readonly name = 'held';
  readonly gate = new Gate();

  override run(): Promise<void> {
    return this.gate.pass();
  }
}

/** Keeps what is logged, for the test to read. */
export class LogLines implements LoggerService {
  readonly lines: string[] = [];
  readonly log = (line: unknown): void => void this.lines.push(String(line));
  readonly error = this.log;
  readonly warn = this.log;
  readonly debug = this.log;
}

export interface TestServerOptions {
  readonly providers?: readonly Provider[];
  readonly startup?: Partial<StartupOptions>;
  readonly clock?: Clock;
  readonly slow?: SlowRequests;
  readonly log?: LogLines;
  readonly port?: number;
  readonly signal?: AbortSignal;
}

/** Begins a server with these providers on a port of its own. `url` resolves when it listens, `started` when it is ready. */
export function beginServer(options: TestServerOptions = {}): {
  url: Promise<string>;
  started: Promise<RunningServer>;
} {
  const clock = options.clock ?? new SystemClock();
  let listening!: (url: string) => void;
  const url = new Promise<string>((resolve) => (listening = resolve));
  const started = startServer({
    host: '127.0.0.1',
    port: options.port ?? 0,
    clock,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onListening: ({ port }) => listening(`http://127.0.0.1:${port}`),
    createApp: async (adapter) => {
      const testing = await Test.createTestingModule({
        imports: [
          {
            module: class ClockOfTest {},
            global: true,
            providers: [{ provide: Clock, useValue: clock }],
            exports: [Clock],
          },
          MetricsModule,
          IdModule,
          StartupModule.forRoot(options.startup ?? {}),
        ],
        controllers: [ApiController, HealthController, MetricsController],
        providers: [
          { provide: APP_FILTER, useClass: ProblemDetailsFilter },
          { provide: SlowRequests, useValue: options.slow ?? new SlowRequests() },
          PingGateway,
          ...(options.providers ?? []),
        ],
      })
        .setLogger(options.log ?? new LogLines())
        .compile();
      const app = testing.createNestApplication<NestExpressApplication>(adapter);
      app.useWebSocketAdapter(new PlainSocketAdapter(app));
      return app;
    },
  });
  return { url, started };
}
