import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Bus } from '../../src/cluster/index.js';
import {
  Gate,
  checkContiguous,
  type TcpProxy,
  type TestAnswer,
  type TestClient,
  type TestServer,
} from '../../src/testing/index.js';
import { NodeKit } from './node-kit.js';

const TOO_LARGE = 'x'.repeat(70_000);

describe('Two nodes, a user on each', () => {
  let kit: NodeKit;
  /** The way of B to Redis. */
  let proxy: TcpProxy;
  let a: TestServer;
  let b: TestServer;
  let alice: TestClient;
  let bob: TestClient;
  let threadId: string;

  beforeEach(async () => {
    kit = new NodeKit();
    proxy = await kit.proxy();
    a = await kit.node();
    b = await kit.node(proxy.through(process.env['TEST_REDIS_URL'] ?? ''));
    alice = await a.ready('alice');
    bob = await b.ready('bob');
    threadId = (await alice.ask('create_thread', {}))['threadId'] as string;
    await a.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId, after: 0 });
    for (const client of [alice, bob]) await client.next('thread_caught_up');
  });

  afterEach(() => kit.close());

  const remote = (server: TestServer, way: string): Promise<number> =>
    server.metrics.value('threadcast_delivery_remote_events_total', { way });

  async function bothSeeAll(): Promise<void> {
    const runId = (await alice.ask('user_message', { threadId, content: 'the last words' }))['runId'];
    for (const client of [alice, bob]) await client.next('agent_completed', (event) => event['runId'] === runId);
    expect(bob.events(threadId)).toEqual(alice.events(threadId));
    for (const client of [alice, bob]) checkContiguous(client.events(threadId));
  }

  it('see the same events in the same order, and those of the other node come by the bus', async () => {
    await bothSeeAll();
    expect(await remote(b, 'bus')).toBeGreaterThan(5);
    expect(await remote(a, 'bus')).toBe(0);
    expect(await b.metrics.value('threadcast_delivery_healed_total', { kind: 'hole' })).toBe(0);
    expect(await b.metrics.value('threadcast_delivery_unfollowed_events_total', {})).toBe(0);
    expect(await b.metrics.value('threadcast_agents_runs_total', { outcome: 'completed' })).toBe(0);
  });

  it('who both speak at once, see one order', async () => {
    const asked: Promise<TestAnswer>[] = [];
    for (let n = 0; n < 10; n += 1) {
      for (const client of [alice, bob]) {
        asked.push(client.ask('user_message', { threadId, content: `${n} words to say`, policy: 'parallel' }));
      }
    }
    for (const { runId } of await Promise.all(asked)) {
      for (const client of [alice, bob]) await client.next('agent_completed', (event) => event['runId'] === runId);
    }
    await bothSeeAll();
    for (const server of [a, b]) {
      expect(await server.metrics.value('threadcast_delivery_healed_total', { kind: 'hole' })).toBe(0);
    }
  });

  it('see what is too large for the bus', async () => {
    // By then both nodes know how long the log is, and go by what the bus says.
    await bothSeeAll();
    const end = new Gate();
    await kit.run(
      alice,
      async ({ emit }) => {
        await emit('custom', { name: 'much', value: TOO_LARGE });
        await emit('custom', { name: 'little', value: 'x' });
        await end.opened;
      },
      { threadId },
    );
    const much = await bob.next('custom', (event) => (event['data'] as { name: string }).name === 'much');
    expect((much['data'] as { value: string }).value).toBe(TOO_LARGE);
    end.open();
    await bothSeeAll();
    expect(await remote(b, 'log')).toBeGreaterThan(0);
  });

  it('miss nothing of which the message was lost, in the middle and at the end', async () => {
    const end = new Gate();
    const lost = proxy.at('answer', 'to be lost', 'drop');
    await kit.run(
      alice,
      async ({ emit }) => {
        await emit('custom', { name: 'said', value: 'to be lost' });
        await lost;
        await end.opened;
      },
      { threadId },
    );
    await bob.next('custom');
    const again = proxy.at('answer', 'lost as well', 'drop');
    await alice.ask('user_message', { threadId, content: 'lost as well', policy: 'parallel' });
    await again;
    await bob.next('message_created', (event) => (event['data'] as { content: string }).content === 'lost as well');
    end.open();
    await bothSeeAll();
  });

  it.each(['cut', 'silence'] as const)('go on without Redis (%s), say so, and are well again with it', async (how) => {
    proxy[how]();
    await bothSeeAll();
    expect(await kit.health(b, 'degraded')).toMatchObject({
      http: 200,
      reasons: [{ name: 'bus', status: 'degraded', detail: expect.stringContaining('Redis does not answer') }],
    });
    await bothSeeAll();
    const { runId } = await bob.ask('user_message', { threadId, content: 'from the other side' });
    for (const client of [alice, bob]) await client.next('agent_completed', (event) => event['runId'] === runId);
    proxy.restore();
    await kit.health(b, 'ok');
    await bothSeeAll();
    const before = await remote(b, 'bus');
    await bothSeeAll();
    expect(await remote(b, 'bus')).toBeGreaterThan(before);
  });

  it('a user who is removed on one node receives nothing more on the other', async () => {
    const end = new Gate();
    const seen = bob.events(threadId).length;
    await a.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'DELETE' });
    await kit.run(alice, () => end.opened, { threadId });
    expect(await bob.next('thread_detached')).toEqual({ threadId, reason: 'access_removed' });
    end.open();
    await alice.next('agent_completed');
    const fence = await bob.ask('create_thread', {});
    await bob.ask('subscribe_thread', { threadId: fence['threadId'] });
    expect(bob.events(threadId)).toHaveLength(seen);
    expect(await bob.request('subscribe_thread', { threadId })).toMatchObject({ error: { code: 'thread_not_found' } });
  });

  it('also where it hears of that late, from the log', async () => {
    const seen = bob.events(threadId).length;
    proxy.cut();
    await a.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'DELETE' });
    await alice.ask('user_message', { threadId, content: 'not for bob' });
    await alice.next('agent_completed');
    expect(await bob.next('thread_detached')).toEqual({ threadId, reason: 'access_removed' });
    expect(bob.events(threadId)).toHaveLength(seen);
  });

  it.each([
    ['Redis there', () => undefined],
    ['Redis away', () => proxy.cut()],
    ['the message of it lost', () => void proxy.at('answer', '"deleted":true', 'drop')],
  ])('a thread that is deleted on one node is gone on the other (%s)', async (_, disturb) => {
    disturb();
    const seen = bob.events(threadId).length;
    await a.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
    await alice.ask('create_thread', { threadId });
    await alice.ask('subscribe_thread', { threadId, after: 0 });
    await alice.ask('user_message', { threadId, content: 'mine alone' });
    await alice.next('agent_completed');
    expect(await bob.next('thread_detached')).toEqual({ threadId, reason: 'deleted' });
    expect(bob.events(threadId)).toHaveLength(seen);
    expect(await bob.request('subscribe_thread', { threadId })).toMatchObject({
      error: { code: 'thread_not_found' },
    });
  });

  it('a client that comes back to the other node goes on where it was', async () => {
    await bothSeeAll();
    const { seq } = bob.events(threadId).at(-1)!;
    bob.close();
    await alice.ask('user_message', { threadId, content: 'meanwhile' });
    await alice.next('agent_completed');
    const back = await a.ready('bob');
    await back.ask('subscribe_thread', { threadId, after: seq });
    const { runId } = await alice.ask('user_message', { threadId, content: 'and on' });
    for (const client of [alice, back]) await client.next('agent_completed', (event) => event['runId'] === runId);
    checkContiguous(back.events(threadId), seq);
  });

  it('a node that starts while Redis is away is ready, and joins when it is back', async () => {
    proxy.cut();
    const c = await kit.node(proxy.through(process.env['TEST_REDIS_URL'] ?? ''));
    const carol = await c.ready('bob');
    await carol.ask('subscribe_thread', { threadId, after: 0 });
    const { runId } = await alice.ask('user_message', { threadId, content: 'hello out there' });
    await carol.next('agent_completed', (event) => event['runId'] === runId);
    expect(await kit.health(c, 'degraded')).toMatchObject({ http: 200 });
    proxy.restore();
    await kit.health(c, 'ok');
    expect(c.get(Bus).nodes()).toHaveLength(3);
    await bothSeeAll();
    expect(carol.events(threadId)).toEqual(alice.events(threadId).slice(0, carol.events(threadId).length));
  });
});
