import { randomUUID } from 'node:crypto';

import { TcpProxy, TestServer } from '../../src/testing/index.js';
import { STORY_ENV, type Stage } from '../model/stage.js';
import { TempDirs } from '../support/temp-dir.js';
import { proxyTo, through } from './cluster.js';
import { OwnRedis } from './own-redis.js';
import { PostgresSchemas } from './postgres-schemas.js';
import { JWT_SECRET, signedToken } from './signed-token.js';

/** What may happen to the way of a node to Redis. */
export const DISTURBANCES = ['cut', 'silence', 'restore', 'restore'] as const;

/** Two nodes of one cluster in this process, each with a way of its own to Redis. */
export class TwoServers implements Stage {
  private constructor(
    readonly servers: TestServer[],
    private readonly ways: readonly TcpProxy[],
    private readonly launch: (place: number) => Promise<TestServer>,
    private readonly remove: () => Promise<void>,
  ) {}

  static async start(): Promise<TwoServers> {
    const [dirs, schemas, redis] = [new TempDirs(), new PostgresSchemas(), await OwnRedis.start()];
    const ways = [await proxyTo(redis.url, 6_379), await proxyTo(redis.url, 6_379)];
    const shared = {
      ...STORY_ENV,
      AUTH_JWT_SECRET: JWT_SECRET,
      CLUSTER_NAME: `t-${randomUUID()}`,
      DATABASE_URL: await schemas.make(),
    };
    const homes = await Promise.all(ways.map(async (way) => ({ way, dataDir: await dirs.make() })));
    const launch = (place: number): Promise<TestServer> => {
      const home = homes[place];
      if (home === undefined) throw new Error(`There is no place ${place}.`);
      const env = { ...shared, REDIS_URL: through(home.way, redis.url) };
      return TestServer.start({ dataDir: home.dataDir, env });
    };
    const servers = [await launch(0), await launch(1)];
    return new TwoServers(servers, ways, launch, async () => {
      for (const way of ways) await way.close();
      await redis.kill();
      await schemas.remove();
      await dirs.remove();
    });
  }

  token(userId: string): Promise<string> {
    return signedToken(userId);
  }

  async restart(place: number): Promise<void> {
    await this.servers[place]?.stop();
    this.servers[place] = await this.launch(place);
  }

  disturb(place: number, how: string): void {
    const disturbance = DISTURBANCES.find((one) => one === how);
    if (disturbance === undefined) throw new Error(`A way cannot be ${how}.`);
    this.ways[place]?.[disturbance]();
  }

  async end(): Promise<void> {
    for (const server of this.servers) await server.stop();
    await this.remove();
  }
}
