import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { InjectionToken, LoggerService, ModuleMetadata, Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';

import { AppModule, type Replacements } from '../app.module.js';
import { Clock } from '../clock/index.js';
import { loadConfig } from '../config/index.js';
import { DevTokenIssuer, type DevTokenRequest } from '../identity/index.js';
import { Metrics } from '../metrics/index.js';
import { serve } from '../serve.js';
import type { RunningServer } from '../startup/index.js';
import { TestClient, type TestClientOptions } from './test-client.js';

const SILENT: LoggerService = { log: () => undefined, error: () => undefined, warn: () => undefined };

export interface TestServerOptions {
  /** Variables of the environment, as a person would set them. The port is any free one. */
  readonly env?: Readonly<Record<string, string>>;
  /** Modules beside the server's own, with agents and other providers. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  /** Classes in the place of the server's own. */
  readonly replacements?: Replacements;
  /** The clock of the whole application. */
  readonly clock?: Clock;
  /** Replaces providers: for faults. */
  readonly override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  /** Where the data lies. Without it: a directory of its own, removed at the end. */
  readonly dataDir?: string;
  /** Called once the port is taken, before the server is ready. */
  readonly onListening?: (url: string) => void;
  readonly logger?: LoggerService;
}

/** The real server on a free port and a real database file, in this process. `close` it, and nothing is left. */
export class TestServer {
  readonly #clients: TestClient[] = [];

  private constructor(
    private readonly server: RunningServer,
    readonly dataDir: string,
    private readonly ownsDataDir: boolean,
  ) {}

  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'threadcast-')));
    const config = loadConfig({ NODE_ENV: 'test', PORT: '0', DATA_DIR: dataDir, ...options.env });
    const logger = options.logger ?? SILENT;
    const server = await serve(config, {
      logger,
      ...(options.clock !== undefined && { clock: options.clock }),
      onListening: ({ port }) => options.onListening?.(`http://127.0.0.1:${port}`),
      createApp: async (adapter) => {
        const root = AppModule.forRoot(config, options.imports, options.replacements);
        let builder = Test.createTestingModule({ imports: [root] });
        if (options.clock !== undefined) builder = builder.overrideProvider(Clock).useValue(options.clock);
        builder = options.override?.(builder) ?? builder;
        const module = await builder.setLogger(logger).compile();
        return module.createNestApplication<NestExpressApplication>(adapter, { logger, abortOnError: false });
      },
    });
    return new TestServer(server, dataDir, options.dataDir === undefined);
  }

  get url(): string {
    return this.server.url;
  }

  get metrics(): Metrics {
    return this.get(Metrics);
  }

  get<T>(token: Type<T> | (abstract new (...args: never[]) => T) | InjectionToken<T>): T {
    return this.server.app.get<T>(token, { strict: false });
  }

  /** A token of the development issuer. */
  token(userId: string, more: Omit<DevTokenRequest, 'userId'> = {}): Promise<string> {
    return this.get(DevTokenIssuer).mint({ userId, ...more });
  }

  /** A client that has not authenticated. Closed with the server. */
  connect(options: TestClientOptions = {}): TestClient {
    const client = new TestClient(this.url, options);
    this.#clients.push(client);
    return client;
  }

  /** A client of this user, once it is ready. */
  async ready(userId: string, options: TestClientOptions = {}): Promise<TestClient> {
    const token = await this.token(userId);
    const client = this.connect({ ...options, auth: Object.assign({ token }, options.auth) });
    await client.next('connection_ready');
    return client;
  }

  /** Calls the API as this user; null: without a token. */
  async fetch(userId: string | null, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (userId !== null) headers.set('Authorization', `Bearer ${await this.token(userId)}`);
    if (init.body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json');
    return fetch(`${this.url}${path}`, { ...init, headers });
  }

  /** Drains and closes, as on SIGTERM; the data stays. */
  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    await this.server.drainAndClose();
  }

  /** Drains with its clients still connected, so that they see it. */
  drain(): Promise<void> {
    return this.server.drainAndClose();
  }

  async close(): Promise<void> {
    await this.stop();
    if (this.ownsDataDir) await rm(this.dataDir, { recursive: true, force: true });
  }
}
