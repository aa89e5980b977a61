import { randomUUID } from 'node:crypto';

import { TcpProxy, TestClient, type TestClientOptions } from '../../src/testing/index.js';
import { ServerProcess, type ProcessOptions } from '../fault/server-process.js';
import { TempDirs } from '../support/temp-dir.js';
import { OwnRedis } from './own-redis.js';
import { PostgresSchemas } from './postgres-schemas.js';
import { JWT_SECRET, signedToken } from './signed-token.js';

export interface ClusterOptions {
  readonly nodes?: number;
  /** Of every node. */
  readonly env?: Readonly<Record<string, string>>;
  /** Loaded before every node. */
  readonly preload?: URL;
  /** In the place of a schema in the database of all tests. */
  readonly databaseUrl?: string;
}

/** One process after the other at the same place: with its own directory, and its own ways to Redis and PostgreSQL. */
export class ClusterNode {
  #process: ServerProcess | null = null;

  constructor(
    /** Its way to Redis. */
    readonly redis: TcpProxy,
    /** Its way to PostgreSQL. */
    readonly postgres: TcpProxy,
    private readonly options: ProcessOptions,
  ) {}

  get process(): ServerProcess {
    if (this.#process === null) throw new Error('This node has not been started yet.');
    return this.#process;
  }

  get url(): string {
    return this.process.url;
  }

  /** Starts a process here, after the last one has ended. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.#process?.hasEnded === false) throw new Error('This node runs already.');
    this.#process = new ServerProcess({ ...this.options, env: { ...this.options.env, ...env } });
    await this.#process.ready();
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.exit();
  }

  async fetch(path: string, token: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Authorization', `Bearer ${token}`);
    if (init.body !== undefined) headers.set('Content-Type', 'application/json');
    return fetch(`${this.url}${path}`, { ...init, headers });
  }

  /** One sample of `/metrics`, or 0 where nothing was counted yet. `sample`: the name with its labels as they are written. */
  async metric(sample: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${sample} `));
    return Number(line?.slice(sample.length + 1) ?? 0);
  }

  async readiness(): Promise<{ code: number; status: string }> {
    const response = await fetch(`${this.url}/health/ready`);
    return { code: response.status, status: ((await response.json()) as { status: string }).status };
  }

  async end(): Promise<void> {
    await this.#process?.end();
    await this.redis.close();
    await this.postgres.close();
  }
}

/** Nodes as processes, one database, one Redis. What a test starts by it, `end` ends. */
export class Cluster {
  readonly #clients: TestClient[] = [];

  private constructor(
    readonly nodes: readonly ClusterNode[],
    readonly redis: OwnRedis,
    readonly databaseUrl: string,
    private readonly schemas: PostgresSchemas,
    private readonly dirs: TempDirs,
  ) {}

  static async start({ nodes = 2, env = {}, preload, databaseUrl }: ClusterOptions = {}): Promise<Cluster> {
    const schemas = new PostgresSchemas();
    const dirs = new TempDirs();
    const redis = await OwnRedis.start();
    const url = databaseUrl ?? (await schemas.make());
    const shared = { CLUSTER_NAME: `t-${randomUUID()}`, AUTH_JWT_SECRET: JWT_SECRET, ...env };
    const made: ClusterNode[] = [];
    for (let index = 0; index < nodes; index += 1) {
      const [toRedis, toPostgres] = [await proxyTo(redis.url, 6_379), await proxyTo(url, 5_432)];
      const ways = { REDIS_URL: through(toRedis, redis.url), DATABASE_URL: through(toPostgres, url) };
      const options = { dataDir: await dirs.make(), env: { ...shared, ...ways }, ...(preload && { preload }) };
      made.push(new ClusterNode(toRedis, toPostgres, options));
    }
    const cluster = new Cluster(made, redis, url, schemas, dirs);
    try {
      await Promise.all(made.map((node) => node.start()));
    } catch (error) {
      await cluster.end();
      throw error;
    }
    return cluster;
  }

  node(index: number): ClusterNode {
    const node = this.nodes[index % this.nodes.length];
    if (node === undefined) throw new Error('This cluster has no nodes.');
    return node;
  }

  /** A ready client of this user on this node. Closed with the cluster. */
  async client(index: number, userId: string, options: TestClientOptions = {}): Promise<TestClient> {
    const token = await signedToken(userId);
    const client = new TestClient(this.node(index).url, { ...options, auth: Object.assign({ token }, options.auth) });
    this.#clients.push(client);
    await client.next('connection_ready');
    return client;
  }

  async end(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    await Promise.all(this.nodes.map((node) => node.end()));
    await this.redis.kill();
    await this.schemas.remove();
    await this.dirs.remove();
  }
}

export function proxyTo(address: string, usualPort: number): Promise<TcpProxy> {
  const { hostname, port } = new URL(address);
  return TcpProxy.start({ host: hostname, port: port === '' ? usualPort : Number(port) });
}

/** Without the slash that a URL gets where it had no path: Redis would take it for the name of a database. */
export function through(proxy: TcpProxy, address: string): string {
  return proxy.through(address).replace(/\/$/, '');
}
