import type { LoggerService } from '@nestjs/common';

import { AgentsModule } from '../../src/agents/index.js';
import { Clock, SystemClock } from '../../src/clock/index.js';
import { ClusterModule } from '../../src/cluster/index.js';
import { DeliveryModule } from '../../src/delivery/index.js';
import { configureHttp, HttpModule, type HttpOptions } from '../../src/http/index.js';
import { DevTokenIssuer, IdentityModule, type DevTokenRequest } from '../../src/identity/index.js';
import { IdModule } from '../../src/ids/index.js';
import { Metrics, MetricsModule } from '../../src/metrics/index.js';
import { OpenApi, ReferenceModule } from '../../src/reference/index.js';
import { StartupModule, startServer, type RunningServer } from '../../src/startup/index.js';
import { StorageModule } from '../../src/storage/index.js';
import { ThreadsModule } from '../../src/threads/index.js';
import { OpenApiCheck } from '../support/openapi-check.js';
import { TracesModule } from '../../src/traces/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { EventSourceClient, type Parsed } from './event-source-client.js';

const SILENT: LoggerService = { log: () => undefined, error: () => undefined, warn: () => undefined };

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where there is none. */
  readonly body: Parsed;
}

export interface HttpAppOptions {
  readonly clock?: Clock;
  readonly http?: Partial<HttpOptions>;
  /** Tokens are signed with this; without it, development tokens are minted. */
  readonly jwtSecret?: string;
}

/** The server without its sockets: every room that HTTP needs, on a port and in a directory of its own. */
export class HttpApp {
  readonly #streams: EventSourceClient[] = [];

  private constructor(
    readonly server: RunningServer,
    private readonly dirs: TempDirs,
  ) {}

  static async start({ clock = new SystemClock(), http = {}, jwtSecret }: HttpAppOptions = {}): Promise<HttpApp> {
    const dirs = new TempDirs();
    const dataDir = await dirs.make();
    const keys = jwtSecret === undefined ? { developmentSecretFile: `${dataDir}/secret` } : { jwtSecret };
    const imports = [
      {
        module: class ClockOfTest {},
        global: true,
        providers: [{ provide: Clock, useValue: clock }],
        exports: [Clock],
      },
      IdModule,
      MetricsModule,
      TracesModule.forRoot({}),
      StartupModule.forRoot({}),
      StorageModule.forRoot({ dataDir }),
      ClusterModule.forRoot({ redisUrl: null, clusterName: 'test' }),
      IdentityModule.forRoot({ keys }),
      ThreadsModule.forRoot({}),
      DeliveryModule.forRoot({}),
      AgentsModule.forRoot({}),
      HttpModule.forRoot(http),
      ReferenceModule,
    ];
    const server = await startServer({
      host: '127.0.0.1',
      port: 0,
      clock,
      logger: SILENT,
      configure: configureHttp,
      module: { module: class HttpAppOfTest {}, imports },
    });
    return new HttpApp(server, dirs);
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
    const received = this.#streams.flatMap((stream) => stream.events);
    await this.server.drainAndClose();
    await this.dirs.remove();
    for (const event of received) this.described.checkEvent(event);
  }

  /** What the API's own document says. */
  get described(): OpenApiCheck {
    return OpenApiCheck.of(this.server.app.get(OpenApi, { strict: false }));
  }

  get metrics(): Metrics {
    return this.server.app.get(Metrics);
  }

  token(request: DevTokenRequest): Promise<string> {
    return this.server.app.get(DevTokenIssuer).mint(request);
  }

  async as(userId: string): Promise<User> {
    return new User(this, await this.token({ userId }));
  }

  stream(path: string, headers: Record<string, string>): EventSourceClient {
    const stream = new EventSourceClient(`${this.server.url}${path}`, headers);
    this.#streams.push(stream);
    return stream;
  }
}

/** Somebody with a token. */
export class User {
  constructor(
    private readonly app: HttpApp,
    readonly token: string,
  ) {}

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.app.server.url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: Answer = {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
    this.app.described.check({ method, path, ...answer });
    return answer;
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  post(path: string, body?: unknown): Promise<Answer> {
    return this.call('POST', path, body);
  }

  /** A new thread's id. */
  async thread(fields: object = {}): Promise<string> {
    return (await this.post('/api/threads', fields)).body.threadId as string;
  }

  /** Opens the thread's event stream; `query` with its question mark. */
  follow(threadId: string, query = '', headers: Record<string, string> = {}): EventSourceClient {
    const accept = { Accept: 'text/event-stream', Authorization: `Bearer ${this.token}` };
    return this.app.stream(`/api/threads/${threadId}/events${query}`, { ...accept, ...headers });
  }

  /** Sends a message to the echo agent and waits for the end of its run; resolves with the answer to the message. */
  async converse(threadId: string, content: string): Promise<Parsed> {
    const sent = await this.post(`/api/threads/${threadId}/messages`, { content });
    const stream = this.follow(threadId, `?after=${sent.body.seq}`);
    await stream.event((event) => event.runId === sent.body.runId && event.type === 'agent_completed');
    stream.close();
    return sent.body;
  }
}
