import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { SystemClock } from '../../src/clock/index.js';
import type { RedisBus } from '../../src/cluster/redis/redis-bus.js';
import { RedisBudgets } from '../../src/cluster/redis/redis-budgets.js';
import { RedisPlaces } from '../../src/cluster/redis/redis-places.js';
import { Metrics } from '../../src/metrics/index.js';
import { TcpProxy } from '../../src/testing/index.js';
import { BusNodes } from './bus-nodes.js';
import { TEST_REDIS_URL } from './redis-url.js';

const clock = new SystemClock();
const BUDGET = { perSecond: 0.001, burst: 100 };

interface Node {
  readonly bus: RedisBus;
  readonly metrics: Metrics;
  readonly places: RedisPlaces;
  readonly budgets: RedisBudgets;
}

describe('What users have on all nodes together', () => {
  const nodes: Node[] = [];
  let cluster: BusNodes;
  let proxy: TcpProxy;

  beforeEach(async () => {
    cluster = new BusNodes();
    const { hostname, port } = new URL(TEST_REDIS_URL);
    proxy = await TcpProxy.start({ host: hostname, port: port === '' ? 6379 : Number(port) });
  });

  afterEach(async () => {
    for (const { places } of nodes.splice(0)) places.onModuleDestroy();
    await cluster.close();
    await proxy.close();
  });

  async function node(url = TEST_REDIS_URL): Promise<Node> {
    const metrics = new Metrics();
    const bus = cluster.make(url, metrics);
    const made = {
      bus,
      metrics,
      places: new RedisPlaces(bus, clock, metrics),
      budgets: new RedisBudgets(bus, clock, metrics),
    };
    nodes.push(made);
    await bus.join();
    return made;
  }

  const enter = async ({ places }: Node, most: number, userId = 'alice') => places.enter('connections', userId, most);
  const leave = ({ places }: Node, userId = 'alice') => places.leave('connections', userId);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const outcomes = ({ metrics }: Node, outcome: string) =>
    metrics.value('threadcast_cluster_places_total', { kind: 'connections', outcome });

  /** Tries until there is a place. */
  async function entered(where: Node, most: number): Promise<void> {
    while (!(await enter(where, most))) await turn();
  }

  it('is one limit, of each user and kind', async () => {
    const [a, b] = [await node(), await node()];
    expect([await enter(a, 3), await enter(b, 3), await enter(a, 3), await enter(b, 3), await enter(a, 3)]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect([a.places.countOf('connections', 'alice'), b.places.countOf('connections', 'alice')]).toEqual([2, 1]);
    expect(await enter(b, 1, 'bob')).toBe(true);
    expect(await b.places.enter('streams', 'alice', 1)).toBe(true);
    leave(a);
    await entered(b, 3);
    expect(await enter(a, 3)).toBe(false);
    expect([await outcomes(a, 'checked'), await outcomes(a, 'unchecked')]).toEqual([2, 0]);
  });

  it('holds when all nodes want the last places at once, on each node and between them', async () => {
    const made = [await node(), await node(), await node()];
    for (let round = 0; round < 20; round += 1) {
      const userId = `user ${round}`;
      const asked = made.flatMap((one) => [enter(one, 4, userId), enter(one, 4, userId), enter(one, 4, userId)]);
      const given = await Promise.all(asked);
      expect(given.filter(Boolean).length).toBeLessThanOrEqual(4);
      // Who was refused while others asked may have been refused too early; there is place for the rest now.
      let taken = given.filter(Boolean).length;
      for (const one of made) while (await enter(one, 4, userId)) taken += 1;
      expect(taken).toBe(4);
    }
  });

  it('does not count what a node had that has died', async () => {
    const [a, b] = [await node(proxy.through(TEST_REDIS_URL)), await node()];
    expect([await enter(a, 2), await enter(a, 2), await enter(b, 2)]).toEqual([true, true, false]);
    proxy.cut();
    await entered(b, 2);
    expect(await enter(b, 2)).toBe(true);
    expect(await enter(b, 2)).toBe(false);
  });

  it('is each node’s own while Redis is away, and counts all again when it is back', async () => {
    const [a, b] = [await node(proxy.through(TEST_REDIS_URL)), await node()];
    expect(await enter(a, 3)).toBe(true);
    proxy.cut();
    while (a.bus.state === 'joined') await turn();
    expect([await enter(a, 3), await enter(a, 3), await enter(a, 3)]).toEqual([true, true, false]);
    expect(await outcomes(a, 'unchecked')).toBe(2);
    proxy.restore();
    while (a.bus.commands === null) await turn();
    // What the node says when it is back goes before anything that it answers.
    a.bus.answer('back?', () => 'yes');
    while ((await b.bus.ask('back?', null)).answers.get(a.bus.nodeId) !== 'yes') await turn();
    expect(await enter(b, 3)).toBe(false);
    leave(a);
    await entered(b, 3);
  });

  it('is a bucket that all nodes spend from, and what was too much is owed', async () => {
    const [a, b] = [await node(), await node(proxy.through(TEST_REDIS_URL))];
    const spend = ({ budgets }: Node, tokens: number, userId = 'alice') =>
      budgets.spend(
        [
          { userId, tokens },
          { userId: `${userId} II`, tokens: 1 },
        ],
        BUDGET,
      );
    expect((await spend(a, 60))?.map(Math.round)).toEqual([40, 99]);
    expect((await spend(b, 30))?.map(Math.round)).toEqual([10, 98]);
    expect((await spend(a, 60))?.map(Math.round)).toEqual([-50, 97]);
    expect((await spend(b, 90))?.map(Math.round)).toEqual([-100, 96]);
    proxy.cut();
    while (b.bus.state === 'joined') await turn();
    expect(await spend(b, 1)).toBeNull();
    expect(await b.metrics.value('threadcast_cluster_budgets_total', { outcome: 'unreachable' })).toBe(1);
  });
});
