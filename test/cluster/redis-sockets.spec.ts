import { createServer } from 'node:http';

import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

import { RedisSockets } from '../../src/cluster/redis/redis-sockets.js';
import { SystemClock } from '../../src/clock/index.js';
import { Metrics } from '../../src/metrics/index.js';
import { eventually } from '../e2e/gateway-kit.js';
import { newClusterName } from './bus-nodes.js';
import { OwnRedis } from './own-redis.js';

const clock = new SystemClock();
/** As a Redis older than 7. */
const NOT_SHARDED = ['SSUBSCRIBE', 'SPUBLISH'].flatMap((command) => ['--rename-command', command, '']);

describe.each([
  ['with sharded pub/sub', []],
  ['without it', NOT_SHARDED],
])('Servers of Socket.IO that are joined by a Redis %s', (_name, options) => {
  const ends: (() => Promise<void>)[] = [];
  const clusterName = newClusterName();
  let redis: OwnRedis;

  // What is logged is meant to be: a Redis that goes, a handler that throws.
  beforeAll(() => {
    Logger.overrideLogger(false);
  });

  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function start(): Promise<{ server: Server; sockets: RedisSockets }> {
    const sockets = new RedisSockets(redis.url, clusterName, clock, new Metrics());
    const server = new Server(createServer().listen(0, '127.0.0.1'), { adapter: sockets.adapter });
    ends.unshift(async () => {
      await server.close();
      await sockets.close();
    });
    await sockets.join();
    return { server, sockets };
  }

  it('hear each other’s texts and bytes, and each answer; on namespaces that come later too', async () => {
    redis = await OwnRedis.start(options);
    ends.push(() => redis.kill());
    const [one, other] = [await start(), await start()];
    const heard: unknown[] = [];
    const answers = async (name: string): Promise<unknown> => {
      other.server.of(name).on('said', (what, answer: (to: unknown) => void) => {
        heard.push(what);
        answer(what);
      });
      one.server.of(name);
      await eventually('it is subscribed to', async () => (await one.server.of(name).adapter.serverCount()) === 2);
      return one.server.of(name).serverSideEmitWithAck('said', { text: 'ä\u2028', bytes: Buffer.from([0, 255, 123]) });
    };
    const said = { text: 'ä\u2028', bytes: Buffer.from([0, 255, 123]) };
    expect(await answers('/')).toEqual([said]);
    expect(await answers('/later')).toEqual([said]);
    expect(heard).toEqual([said, said]);
  });

  it('outlive what is not of the adapter, and a Redis that goes and comes back', async () => {
    redis = await OwnRedis.start(options);
    ends.push(() => redis.kill());
    const [one, other] = [await start(), await start()];
    other.server.on('said' as never, (...[answer]: ((to: unknown) => void)[]) => answer?.('here'));
    other.server.on('fails' as never, () => {
      throw new Error('This is thrown by the test.');
    });
    const outsider = new Redis(redis.url);
    const say = options.length === 0 ? 'SPUBLISH' : 'PUBLISH';
    for (const word of ['{', '{}', 'base64:####', '\u0000']) {
      await outsider.call(say, `${clusterName}:socket.io#/#`, word);
    }
    outsider.disconnect();
    one.server.serverSideEmit('fails');
    expect(await one.server.serverSideEmitWithAck('said')).toEqual(['here']);
    await redis.stop();
    await eventually('it is known to be away', () => !one.sockets.isJoined && !other.sockets.isJoined);
    expect(await one.server.serverSideEmitWithAck('said')).toEqual([]);
    one.server.emit('to nobody');
    one.server.disconnectSockets();
    await redis.start();
    await eventually('both are back', () => one.sockets.isJoined && other.sockets.isJoined);
    await eventually('it is subscribed to', async () => (await one.server.of('/').adapter.serverCount()) === 2);
    expect(await one.server.serverSideEmitWithAck('said')).toEqual(['here']);
  });
});
