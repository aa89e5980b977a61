import type { Provider } from '@nestjs/common';

import { Storage, type StoredEvent } from '../../src/storage/index.js';
import { TestServer } from '../../src/testing/index.js';
import type { RunId, ThreadId } from '../../src/ids/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { newClusterName } from './bus-nodes.js';
import { PatientAgent } from './patient-agent.js';
import { PostgresSchemas } from './postgres-schemas.js';
import { TEST_REDIS_URL } from './redis-url.js';

/** Nodes of one cluster in this process, on a schema and a name of their own. */
export class RunNodes {
  readonly #schemas = new PostgresSchemas();
  readonly #dirs = new TempDirs();
  readonly #servers: TestServer[] = [];
  readonly clusterName = newClusterName();
  databaseUrl = '';
  dataDir = '';

  async open(): Promise<void> {
    this.databaseUrl = await this.#schemas.make();
    this.dataDir = await this.#dirs.make();
  }

  /** What each node has in its environment. */
  env(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { databaseUrl, clusterName } = this;
    return { DATABASE_URL: databaseUrl, REDIS_URL: TEST_REDIS_URL, CLUSTER_NAME: clusterName, ...more };
  }

  async node(more: Readonly<Record<string, string>> = {}, providers: readonly Provider[] = []): Promise<TestServer> {
    const agents = { module: RunNodes, providers: [PatientAgent, ...providers] };
    const server = await TestServer.start({ dataDir: this.dataDir, env: this.env(more), imports: [agents] });
    this.#servers.push(server);
    return server;
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.close()));
    await this.#schemas.remove();
    await this.#dirs.remove();
  }
}

/** The whole log of a thread, as this node reads it. */
export function logOf(server: TestServer, threadId: unknown): Promise<readonly StoredEvent[]> {
  return server.get(Storage).events.read(threadId as ThreadId, { after: 0, limit: 100_000 });
}

/** The types of a run's events, in order. */
export async function typesOf(server: TestServer, threadId: unknown, runId: unknown): Promise<string[]> {
  const log = await logOf(server, threadId);
  return log.filter((event) => event.runId === (runId as RunId)).map((event) => event.type);
}
