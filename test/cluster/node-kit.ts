import type { DynamicModule } from '@nestjs/common';

import {
  ScriptAgent,
  TcpProxy,
  TestServer,
  scriptProviders,
  type TestAnswer,
  type TestClient,
  type Script,
} from '../../src/testing/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { newClusterName } from './bus-nodes.js';
import { PostgresSchemas } from './postgres-schemas.js';
import { TEST_REDIS_URL } from './redis-url.js';

class ScriptModule {}

/** Nodes of one cluster: on one schema, under one name, each with its own way to Redis. */
export class NodeKit {
  readonly script = new ScriptAgent();
  readonly #schemas = new PostgresSchemas();
  readonly #dirs = new TempDirs();
  readonly #servers: TestServer[] = [];
  readonly #proxies: TcpProxy[] = [];
  readonly #clusterName = newClusterName();
  #env: Readonly<Record<string, string>> | null = null;

  /** One more node. `redisUrl`: its way to Redis. */
  async node(redisUrl = TEST_REDIS_URL): Promise<TestServer> {
    this.#env ??= { DATABASE_URL: await this.#schemas.make(), CLUSTER_NAME: this.#clusterName };
    this.#dataDir ??= await this.#dirs.make();
    const scripts: DynamicModule = { module: ScriptModule, providers: scriptProviders(this.script) };
    const server = await TestServer.start({
      dataDir: this.#dataDir,
      env: { ...this.#env, REDIS_URL: redisUrl },
      imports: [scripts],
    });
    this.#servers.push(server);
    return server;
  }

  #dataDir: string | null = null;

  /** A way to a Redis that can be cut. */
  async proxy(redisUrl = TEST_REDIS_URL): Promise<TcpProxy> {
    const { hostname, port } = new URL(redisUrl);
    const proxy = await TcpProxy.start({ host: hostname, port: port === '' ? 6379 : Number(port) });
    this.#proxies.push(proxy);
    return proxy;
  }

  /** A start of the script agent that does this; the answer has to be a good one. */
  run(client: TestClient, script: Script, request: Record<string, unknown> = {}): Promise<TestAnswer> {
    return client.ask('start_agent', { agent: 'script', input: this.script.keep(script), ...request });
  }

  /** When `/health/ready` says so; the answer with it. */
  async health(server: TestServer, status: string): Promise<Record<string, unknown>> {
    for (;;) {
      const answer = await fetch(`${server.url}/health/ready`);
      const report = (await answer.json()) as Record<string, unknown>;
      if (report['status'] === status) return { ...report, http: answer.status };
    }
  }

  async close(): Promise<void> {
    for (const server of this.#servers.splice(0)) await server.close();
    for (const proxy of this.#proxies.splice(0)) await proxy.close();
    await this.#schemas.remove();
    await this.#dirs.remove();
  }
}
