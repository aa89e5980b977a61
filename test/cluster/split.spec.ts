import { afterEach, describe, expect, it } from '@jest/globals';

import { checkContiguous, type TestClient } from '../../src/testing/index.js';
import { eventually } from '../e2e/gateway-kit.js';
import { Cluster } from './cluster.js';

/** Promised without the bus. A machine that is busy is late: what is asserted is the order of magnitude. */
const PROMISED_MS = 2_000;
const GUARD_MS = 5 * PROMISED_MS;

describe('A node that alone has lost Redis', () => {
  let cluster: Cluster | null = null;
  afterEach(() => cluster?.end());

  it.each(['cut', 'silence'] as const)(
    'keeps its runs, and delivers and is delivered to (%s)',
    async (how) => {
      cluster = await Cluster.start();
      const [lonely, other] = [cluster.node(0), cluster.node(1)];
      const [alice, bob] = [await cluster.client(0, 'alice'), await cluster.client(1, 'alice')];
      const stranger = await cluster.client(1, 'mallory');
      const { threadId } = await alice.ask('create_thread', {});
      for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId, after: 0 });
      const input = { text: 'word '.repeat(200), delayMs: 20 };
      const long = await alice.ask('start_agent', { threadId, agent: 'echo', input, policy: 'parallel' });
      await bob.next('agent_delta');

      lonely.redis[how]();
      await eventually('it is degraded', async () => (await lonely.readiness()).status === 'degraded');
      expect(await other.readiness()).toMatchObject({ code: 200 });
      const arrivals = [];
      for (const [from, to, name] of [
        [alice, bob, 'from it'],
        [bob, alice, 'to it'],
      ] as const) {
        arrivals.push({ name, ms: await arrival(from, to, threadId, name) });
      }
      for (const client of [alice, bob]) {
        const end = await client.next('agent_completed', (data) => data['runId'] === long['runId']);
        expect(end).toMatchObject({ data: { content: input.text } });
      }

      lonely.redis.restore();
      await eventually('it is whole again', async () => (await lonely.readiness()).status === 'ok');
      arrivals.push({ name: 'afterwards', ms: await arrival(alice, bob, threadId, 'afterwards') });
      for (const client of [alice, bob]) checkContiguous(client.events(threadId));
      expect(stranger.events(threadId)).toEqual([]);
      process.stdout.write(
        `one node without Redis (${how}): ${arrivals.map(({ name, ms }) => `${name} ${Math.round(ms)} ms`).join(', ')}\n`,
      );
      expect(arrivals.filter(({ ms }) => ms > GUARD_MS)).toEqual([]);
    },
    120_000,
  );

  /** From the answer to a message until a client on the other node has it, in ms. */
  async function arrival(from: TestClient, to: TestClient, threadId: unknown, messageId: string): Promise<number> {
    const message = { threadId, content: 'a word', messageId, agent: 'echo', policy: 'parallel' };
    await from.ask('user_message', message);
    const answered = performance.now();
    await to.next('message_created', (data) => (data['data'] as { messageId?: string }).messageId === messageId);
    return performance.now() - answered;
  }
});
