import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';

import { Bus, ClusterSockets } from '../../src/cluster/index.js';
import { Connections } from '../../src/gateway/index.js';
import type { TcpProxy, TestClient } from '../../src/testing/index.js';
import { eventually } from '../e2e/gateway-kit.js';
import { proxyTo, through } from './cluster.js';
import { Fleet, type FleetNode } from './fleet.js';
import { TEST_REDIS_URL } from './redis-url.js';

const nodeOf = ({ server }: FleetNode): string => server.get(Bus).nodeId;
const isJoined = ({ server }: FleetNode): boolean => {
  const bus = server.get(Bus);
  return server.get(ClusterSockets).isJoined && bus.state === 'joined' && bus.nodes().length === 2;
};
const disconnect = ({ server }: FleetNode, userId: string) => server.get(Connections).disconnectUser(userId);

describe('Closing the connections of a user', () => {
  let fleet: Fleet;
  let a: FleetNode;
  let b: FleetNode;
  let alice: readonly [here: TestClient, there: TestClient];
  let bob: readonly [here: TestClient, there: TestClient];

  beforeEach(async () => {
    fleet = new Fleet();
    [a, b] = [await fleet.node(), await fleet.node()];
    await eventually('the nodes know each other', () => [a, b].every(isJoined));
    alice = [await a.server.ready('alice'), await b.server.ready('alice')];
    bob = [await a.server.ready('bob'), await b.server.ready('bob')];
  });

  afterEach(() => fleet.close());

  async function toldForGood(client: TestClient): Promise<void> {
    expect(await client.next('exception')).toMatchObject({ error: { code: 'forbidden' }, reconnect: false });
    await client.next('disconnect');
    expect(client.disconnects).toEqual(['io server disconnect']);
  }

  async function goesOn(client: TestClient): Promise<void> {
    await client.fence();
    expect(client.names().filter((name) => name === 'exception' || name === 'disconnect')).toEqual([]);
  }

  it('closes them on all nodes, tells each why, and closes nobody else’s', async () => {
    expect(await disconnect(a, 'alice')).toEqual({ closed: 2, isComplete: true, silentNodes: [] });
    for (const client of alice) await toldForGood(client);
    for (const client of bob) await goesOn(client);
    const { metrics } = a.server;
    expect(await metrics.text()).toContain('threadcast_gateway_user_disconnects_total{outcome="complete"} 1');
    // It is no ban, and there is nothing left to close.
    await (await b.server.ready('alice')).fence();
    expect(await disconnect(a, 'alice')).toEqual({ closed: 1, isComplete: true, silentNodes: [] });
    expect(await disconnect(b, 'carol')).toEqual({ closed: 0, isComplete: true, silentNodes: [] });
  });

  it.each([
    ['cut off from Redis', (node: FleetNode) => node.redis.cut()],
    ['behind a network that swallows everything', (node: FleetNode) => node.redis.silence()],
  ])('closes its own on a node %s, and says that others were not reached', async (_how, harm) => {
    harm(a);
    const incomplete = { closed: 1, isComplete: false, silentNodes: [nodeOf(b)] };
    expect(await disconnect(a, 'alice')).toEqual(incomplete);
    await toldForGood(alice[0]);
    for (const client of [alice[1], ...bob]) await goesOn(client);
    await eventually('it is known to be away', () => !a.server.get(ClusterSockets).isJoined);
    expect(await disconnect(a, 'bob')).toEqual(incomplete);
    expect((await fetch(`${a.server.url}/health/ready`)).status).toBe(200);
    expect(await a.server.metrics.text()).toContain(
      'threadcast_gateway_user_disconnects_total{outcome="incomplete"} 2',
    );
    a.redis.restore();
    await eventually('Redis is there again', () => [a, b].every(isJoined));
    expect(await disconnect(a, 'alice')).toEqual({ closed: 1, isComplete: true, silentNodes: [] });
    await toldForGood(alice[1]);
    await goesOn(bob[1]);
  });

  it('names a node that does not answer', async () => {
    b.redis.silence();
    expect(await disconnect(a, 'alice')).toEqual({ closed: 1, isComplete: false, silentNodes: [nodeOf(b)] });
    await toldForGood(alice[0]);
    await goesOn(alice[1]);
  });

  it('has a way of its own, on which no event of a thread goes', async () => {
    const listener = new Redis(TEST_REDIS_URL);
    const channel = `${fleet.clusterName}:socket.io#/#`;
    const heard: string[] = [];
    try {
      listener.on('smessage', (_channel: string, message: string) => heard.push(message));
      await listener.ssubscribe(channel);
      const { threadId } = await alice[0].ask('create_thread', {});
      await alice[1].ask('subscribe_thread', { threadId });
      await alice[0].ask('user_message', { threadId, content: 'x' });
      for (const client of alice) await client.next('agent_completed');
      const other = listener.duplicate();
      expect(await other.call('PUBSUB', 'SHARDNUMSUB', channel)).toEqual([channel, 3]);
      await other.spublish(channel, 'not of the adapter');
      other.disconnect();
      await eventually('the last word is heard', () => heard.includes('not of the adapter'));
      expect(heard).toEqual(['not of the adapter']);
      // Whoever listens there counts as a node that is asked.
      await listener.sunsubscribe(channel);
      expect(await disconnect(b, 'alice')).toEqual({ closed: 2, isComplete: true, silentNodes: [] });
    } finally {
      listener.disconnect();
    }
  });
});

describe('A node that starts while Redis is away', () => {
  let fleet: Fleet;
  let way: TcpProxy;

  beforeEach(async () => {
    fleet = new Fleet();
    way = await proxyTo(TEST_REDIS_URL, 6_379);
  });

  afterEach(async () => {
    await fleet.close();
    await way.close();
  });

  it.each(['cut', 'silence'] as const)('(%s) is ready, closes what it has, and is reached later', async (harm) => {
    const a = await fleet.node();
    way[harm]();
    const b = await fleet.node({ env: { REDIS_URL: through(way, TEST_REDIS_URL) } });
    const [alice, bob] = [await b.server.ready('alice'), await b.server.ready('bob')];
    expect(await disconnect(b, 'alice')).toEqual({ closed: 1, isComplete: false, silentNodes: [] });
    await alice.next('disconnect');
    await bob.fence();
    way.restore();
    await eventually('Redis is there', () => [a, b].every(isJoined));
    expect(await disconnect(a, 'bob')).toEqual({ closed: 1, isComplete: true, silentNodes: [] });
    await bob.next('disconnect');
  });
});
