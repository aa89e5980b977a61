import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';

import type { Bus, BusState } from '../../src/cluster/index.js';
import { Metrics } from '../../src/metrics/index.js';
import { TcpProxy } from '../../src/testing/index.js';
import { TopicRecorder } from '../../src/testing/topic-recorder.js';
import { BusNodes, turn } from './bus-nodes.js';
import { OwnRedis } from './own-redis.js';

const DROPPED = 'threadcast_cluster_dropped_messages_total';

describe('The bus, when Redis goes', () => {
  const said: string[] = [];
  let redis: OwnRedis;
  let proxy: TcpProxy;
  let nodes: BusNodes;

  beforeEach(async () => {
    const keep = (...words: unknown[]): void => void said.push(words.map((word) => JSON.stringify(word)).join(' '));
    Logger.overrideLogger({ log: keep, warn: keep, error: keep });
    redis = await OwnRedis.start();
    proxy = await TcpProxy.start({ host: '127.0.0.1', port: Number(new URL(redis.url).port) });
    nodes = new BusNodes();
  });

  afterEach(async () => {
    await nodes.close();
    await proxy.close();
    await redis.stop();
    said.length = 0;
    Logger.overrideLogger(false);
  });

  function next(bus: Bus, wanted: BusState): Promise<void> {
    return new Promise((resolve) => {
      const stop = bus.onState((state) => {
        if (state !== wanted) return;
        stop();
        resolve();
      });
    });
  }

  /** A node behind the proxy, another one that is not, and a topic that both listen to. */
  async function pair() {
    const [near] = (await nodes.joined(redis.url, 1)) as [Bus];
    const metrics = new Metrics();
    const far = nodes.make(proxy.through(redis.url), metrics);
    await far.join();
    const [onNear, onFar] = [new TopicRecorder(), new TopicRecorder()];
    near.subscribe('t', onNear);
    far.subscribe('t', onFar);
    for (const listener of [onNear, onFar]) await listener.next('listening');
    return { near, far, onNear, onFar, metrics };
  }

  it.each(['cut', 'silence'] as const)('notices it (%s), joins again, and tells who listens', async (how) => {
    const { near, far, onFar, onNear } = await pair();
    const lost = next(far, 'lost');
    proxy[how]();
    await lost;
    expect([far.state, typeof far.lostSince]).toEqual(['lost', 'number']);
    near.publish('t', 'into nothing');
    const late = new TopicRecorder();
    far.subscribe('late', late);
    const joined = next(far, 'joined');
    proxy.restore();
    await joined;
    for (const listener of [onFar, late]) await listener.next('listening');
    near.publish('t', 'there again');
    await onFar.count(1);
    far.publish('t', 'and back');
    await onNear.count(1);
    expect([onFar.heardSoFar, onNear.heardSoFar]).toEqual([['there again'], ['and back']]);
  });

  it('survives a Redis that was emptied and started again', async () => {
    const { near, far, onNear, onFar } = await pair();
    const lost = [next(near, 'lost'), next(far, 'lost')];
    await redis.stop();
    await Promise.all(lost);
    await redis.start();
    for (const listener of [onNear, onFar]) await listener.next('listening');
    near.publish('t', 'there again');
    await onFar.count(1);
    for (const bus of [near, far]) bus.answer('who', () => bus.nodeId);
    while ((await near.ask('who', null)).answers.size < 2);
  });

  it('answers at once while it is lost, for its own node', async () => {
    const { near, far } = await pair();
    while (far.nodes().length < 2) await turn();
    const lost = next(far, 'lost');
    proxy.cut();
    await lost;
    far.answer('who', () => 'me');
    expect(await far.ask('who', null, 3_600_000)).toEqual({
      answers: new Map([[far.nodeId, 'me']]),
      silent: [near.nodeId],
    });
  });

  it('drops and counts what cannot be sent, and nobody waits for it', async () => {
    const { far, metrics } = await pair();
    proxy.silence();
    const megabyte = 'x'.repeat(1_048_576);
    for (let n = 0; n < 20; n += 1) far.publish('t', megabyte);
    expect(await metrics.value(DROPPED, { reason: 'full' })).toBe(5);
    if (far.state === 'joined') await next(far, 'lost');
    far.publish('t', 'into nothing');
    expect(await metrics.value(DROPPED, { reason: 'lost' })).toBe(1);
  });

  it('says once that it cannot be joined, however often it tries', async () => {
    let tries = 0;
    const closed = createServer((socket) => {
      tries += 1;
      socket.on('error', () => undefined).destroy();
    });
    await once(closed.listen(0, '127.0.0.1'), 'listening');
    const refused = nodes.make(`redis://127.0.0.1:${(closed.address() as AddressInfo).port}`);
    await refused.join();
    while (tries < 8) await once(closed, 'connection');
    expect(said.filter((line) => line.includes('cannot be joined'))).toHaveLength(1);
    await new Promise((resolve) => closed.close(resolve));
  });

  it('says no password', async () => {
    const url = new URL(redis.url);
    url.password = 'hunter2';
    url.username = 'lovelace';
    const refused = nodes.make(url.href);
    await refused.join();
    expect(refused.state).toBe('lost');
    await redis.stop();
    const unreachable = nodes.make(url.href);
    await unreachable.join();
    expect(said.filter((line) => line.includes('cannot be joined')).length).toBeGreaterThan(1);
    expect(said.join('\n')).not.toMatch(/hunter2|lovelace/);
  });
});
