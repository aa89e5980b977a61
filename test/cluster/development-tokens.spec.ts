import { afterEach, describe, expect, it } from '@jest/globals';

import { proxyTo, through } from './cluster.js';
import { TempDirs } from '../support/temp-dir.js';
import { Fleet } from './fleet.js';
import { TEST_REDIS_URL } from './redis-url.js';

describe('In development, nodes with directories of their own', () => {
  const dirs = new TempDirs();
  let fleet: Fleet;

  afterEach(async () => {
    await fleet.close();
    await dirs.remove();
  });

  it('take each other’s tokens', async () => {
    fleet = new Fleet();
    const a = await fleet.node({ dataDir: await dirs.make() });
    const b = await fleet.node({ dataDir: await dirs.make() });
    for (const [mint, take] of [
      [a, b],
      [b, a],
    ] as const) {
      const client = take.server.connect({ auth: { token: await mint.server.token('alice') } });
      expect(await client.next('connection_ready')).toMatchObject({ userId: 'alice' });
    }
  });

  it('start also while Redis is away, each with its own', async () => {
    fleet = new Fleet();
    const away = await proxyTo(TEST_REDIS_URL, 6_379);
    away.cut();
    const { server } = await fleet.node({
      dataDir: await dirs.make(),
      env: { REDIS_URL: through(away, TEST_REDIS_URL) },
    });
    await server.ready('alice');
    await away.close();
  });
});
