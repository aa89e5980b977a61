import { TcpProxy, TestServer, type WebhookReceiver } from '../../src/testing/index.js';
import { startAway, type AwayOptions } from '../e2e/away-kit.js';
import { TempDirs } from '../support/temp-dir.js';
import { newClusterName } from './bus-nodes.js';
import { proxyTo, through } from './cluster.js';
import { PostgresSchemas } from './postgres-schemas.js';
import { TEST_REDIS_URL } from './redis-url.js';

/** A node in this process, and its own way to Redis. */
export interface FleetNode {
  readonly server: TestServer;
  readonly redis: TcpProxy;
}

/** Nodes of one cluster in this process, which tell users who are away by the same receiver. */
export class Fleet {
  readonly clusterName = newClusterName();
  readonly #schemas = new PostgresSchemas();
  readonly #dirs = new TempDirs();
  readonly #nodes: FleetNode[] = [];
  #databaseUrl: string | null = null;
  #dataDir: string | null = null;

  constructor(private readonly receiver: WebhookReceiver | null = null) {}

  async node({ env, ...options }: AwayOptions = {}): Promise<FleetNode> {
    const databaseUrl = (this.#databaseUrl ??= await this.#schemas.make());
    const dataDir = (this.#dataDir ??= await this.#dirs.make());
    const redis = await proxyTo(TEST_REDIS_URL, 6_379);
    const shared = { DATABASE_URL: databaseUrl, CLUSTER_NAME: this.clusterName };
    const server = await startAway(this.receiver, {
      dataDir,
      ...options,
      env: { ...shared, REDIS_URL: through(redis, TEST_REDIS_URL), ...env },
    });
    this.#nodes.push({ server, redis });
    return { server, redis };
  }

  async close(): Promise<void> {
    for (const { redis } of this.#nodes) redis.restore();
    for (const { server } of this.#nodes) await server.close();
    for (const { redis } of this.#nodes.splice(0)) await redis.close();
    await this.#schemas.remove();
    await this.#dirs.remove();
  }
}
