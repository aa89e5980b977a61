import { connect } from 'node:net';
import { once } from 'node:events';

import { afterEach, describe, expect, it } from '@jest/globals';

import { OwnPostgres } from './own-postgres.js';
import { OwnRedis } from './own-redis.js';
import { query } from './postgres-schemas.js';

async function ping(url: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write('PING\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString();
}

describe('The servers that tests of the cluster take away', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  it.each(['stop', 'kill'] as const)('Redis goes away (%s) and is back at its address', async (how) => {
    const redis = await OwnRedis.start();
    ends.push(() => redis.kill());
    expect(await ping(redis.url)).toBe('+PONG\r\n');
    await redis[how]();
    await expect(ping(redis.url)).rejects.toThrow('ECONNREFUSED');
    await redis.start();
    expect(await ping(redis.url)).toBe('+PONG\r\n');
  });

  it.each(['stop', 'crash'] as const)('PostgreSQL goes away (%s) and is back with what it had', async (how) => {
    const postgres = await OwnPostgres.start();
    ends.push(() => postgres.remove());
    await query('create table kept (n int)', [], postgres.url);
    await query('insert into kept values (7)', [], postgres.url);
    await postgres[how]();
    await expect(query('select 1', [], postgres.url)).rejects.toThrow('ECONNREFUSED');
    await postgres.start();
    expect(await query('select n from kept', [], postgres.url)).toEqual([{ n: 7 }]);
  });
});
