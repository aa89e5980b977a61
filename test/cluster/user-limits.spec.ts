import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Bus } from '../../src/cluster/index.js';
import { ConnectionRegistry } from '../../src/gateway/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { eventually } from '../e2e/gateway-kit.js';
import { Fleet, type FleetNode } from './fleet.js';

const PER_USER = 3;

describe('Limits of a user, on two nodes', () => {
  let fleet: Fleet;
  let a: FleetNode;
  let b: FleetNode;

  beforeEach(() => {
    fleet = new Fleet();
  });

  afterEach(() => fleet.close());

  async function start(env: Readonly<Record<string, string>>, options: object = {}): Promise<void> {
    a = await fleet.node({ env, ...options });
    b = await fleet.node({ env, ...options });
    await eventually('the nodes know each other', () =>
      [a, b].every(({ server }) => server.get(Bus).nodes().length === 2),
    );
  }

  /** A connection that was refused: why, after it was disconnected for good. */
  async function refused(server: TestServer, userId: string): Promise<unknown> {
    const client = server.connect({ auth: { token: await server.token(userId) } });
    const { error, reconnect } = await client.next('exception');
    await client.next('disconnect');
    return { ...(error as object), reconnect };
  }

  const gone = (server: TestServer, left: number): Promise<void> =>
    eventually(`${left} are left`, () => server.get(ConnectionRegistry).size === left);

  describe('of connections', () => {
    const TOO_MANY = { code: 'too_many_connections', reconnect: false };

    beforeEach(() => start({}, { gateway: { maxConnectionsPerUser: PER_USER } }));

    it('are one limit; what closes on one node is free on the other', async () => {
      const [one] = [await a.server.ready('alice'), await b.server.ready('alice'), await a.server.ready('alice')];
      expect(await refused(b.server, 'alice')).toMatchObject(TOO_MANY);
      expect(await refused(a.server, 'alice')).toMatchObject(TOO_MANY);
      await b.server.ready('bob');
      one.close();
      await gone(a.server, 1);
      await eventually('there is a place', async () => {
        const token = await b.server.token('alice');
        const client = b.server.connect({ auth: { token } });
        const { name } = await Promise.race([
          client.next('connection_ready').then(() => ({ name: 'ready' })),
          client.next('exception').then(() => ({ name: 'refused' })),
        ]);
        return name === 'ready';
      });
    });

    it('are not passed by many that come to both at once', async () => {
      const clients = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const { server } = index % 2 === 0 ? a : b;
          return server.connect({ auth: { token: await server.token('alice') } });
        }),
      );
      const ends = await Promise.all(
        clients.map((client) =>
          Promise.race([client.next('connection_ready').then(() => true), client.next('disconnect').then(() => false)]),
        ),
      );
      expect(ends.filter((isReady) => isReady).length).toBeLessThanOrEqual(PER_USER);
      expect(ends.filter((isReady) => isReady).length).toBeGreaterThan(0);
    });

    it('are each node’s while Redis is away, and nobody is refused for that; and one again after', async () => {
      for (const { server } of [a, b]) await server.ready('alice');
      a.redis.cut();
      await eventually('Redis is lost', () => a.server.get(Bus).state === 'lost');
      await a.server.ready('alice');
      await a.server.ready('alice');
      expect(await refused(a.server, 'alice')).toMatchObject(TOO_MANY);
      const unchecked = { kind: 'connections', outcome: 'unchecked' };
      expect(await a.server.metrics.value('threadcast_cluster_places_total', unchecked)).toBe(2);
      expect(await (await fetch(`${a.server.url}/health/ready`)).json()).toMatchObject({ status: 'degraded' });
      a.redis.restore();
      await eventually('Redis is back', () => a.server.get(Bus).state === 'joined');
      const { server } = b;
      await eventually('the other node knows of all', async () => {
        const client = server.connect({ auth: { token: await server.token('alice') } });
        const isReady = await Promise.race([
          client.next('connection_ready').then(() => true),
          client.next('disconnect').then(() => false),
        ]);
        client.close();
        return !isReady;
      });
    });
  });

  it('of event streams are one limit', async () => {
    await start({ MAX_CONNECTIONS_PER_USER: '2' });
    const created = await a.server.fetch('alice', '/api/threads', { method: 'POST', body: '{}' });
    const { threadId } = (await created.json()) as { threadId: string };
    const closing = new AbortController();
    const open = ({ server }: FleetNode): Promise<Response> =>
      server.fetch('alice', `/api/threads/${threadId}/events`, {
        headers: { Accept: 'text/event-stream' },
        signal: closing.signal,
      });
    expect([(await open(a)).status, (await open(b)).status]).toEqual([200, 200]);
    for (const node of [a, b]) {
      const answer = await open(node);
      expect([answer.status, answer.headers.get('Retry-After')]).toEqual([429, '5']);
      await answer.arrayBuffer();
    }
    closing.abort();
  });

  it('of the rate are one burst, once the nodes know of each other', async () => {
    // Twenty times as many of a user.
    await start({ RATE_LIMIT_MESSAGES_PER_SEC: '1', RATE_LIMIT_BURST: '5' });
    const ask = async ({ server }: FleetNode, userId = 'alice'): Promise<number> => {
      const answer = await server.fetch(userId, '/api/threads');
      await answer.arrayBuffer();
      return answer.status;
    };
    const told = (node: FleetNode): Promise<number> =>
      node.server.metrics.value('threadcast_cluster_budgets_total', { outcome: 'shared' });
    for (let n = 0; n < 80; n += 1) expect(await ask(a)).toBe(200);
    // Asked again until this node has told of it: from then on it knows what the other one has taken.
    const before = await told(b);
    expect(await ask(b)).toBe(200);
    await eventually('it is told', async () => (await told(b)) > before);
    const answers = await Promise.all(Array.from({ length: 99 }, () => ask(b)));
    // 20 a second come in meanwhile; without the other node all would be taken.
    expect(answers.filter((status) => status === 200).length).toBeLessThan(90);
    expect(answers).toContain(429);
    expect(await ask(b, 'bob')).toBe(200);
  });
});
