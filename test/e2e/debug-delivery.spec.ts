import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, type TestClient } from '../../src/testing/index.js';
import { askDebug } from './debug-kit.js';
import type { Parsed } from './event-source-client.js';
import { newThread } from './scripted-server.js';
import { fillKernel, tcpOf } from './slow-kit.js';

let server: TestServer;
let alice: TestClient;
let bob: TestClient;

beforeEach(async () => {
  server = await TestServer.start({ env: { SLOW_CONSUMER_BYTES: '65536' } });
  alice = await server.ready('alice');
  bob = await server.ready('bob');
});

afterEach(() => server.close());

const debug = async (query = ''): Promise<Parsed> => (await askDebug(server, `/debug/delivery${query}`)).body;

describe('GET /debug/delivery', () => {
  it('tells what is followed, how far it is known, and what delivery has done', async () => {
    const threads = [await newThread(alice), await newThread(bob)].sort();
    for (const client of [alice, bob]) {
      const threadId = await newThread(client);
      threads.push(threadId);
      await client.ask('user_message', { threadId, content: 'one two' });
      await client.next('agent_completed');
    }
    const followed = threads.slice(2).sort();
    const { channels, delivery, nextCursor, nodes, missingNodes } = await debug();

    expect({ nextCursor, missingNodes }).toEqual({ nextCursor: null, missingNodes: [] });
    expect((channels as Parsed[]).map(({ threadId }) => threadId as unknown)).toEqual(followed);
    for (const channel of channels as Parsed[]) {
      expect(channel.head).toBeGreaterThan(4);
      expect(channel).toMatchObject({ node: nodes[0], cursor: channel.head, reached: channel.head });
      expect(channel.followers).toEqual({ placed: 0, replaying: 0, live: 1, behind: 0 });
    }
    expect(delivery).toMatchObject([
      {
        ...{ node: nodes[0], startedAt: expect.any(Number), behind: [], behindTotal: 0, lag: null },
        ended: { kept: 0, knownSince: expect.any(Number) },
      },
    ]);
    expect(delivery[0].totals).toMatchObject({
      threadcast_delivery_channels: 2,
      'threadcast_delivery_attachments{state="live"}': 2,
      'threadcast_delivery_events_total{way="live"}': expect.any(Number),
      threadcast_delivery_success_ratio: 1,
    });
    const [first, second] = [await debug('?limit=1'), await debug(`?limit=1&cursor=${followed[0]}`)];
    expect([first.nextCursor, second.nextCursor]).toEqual([followed[0], null]);
    expect([first.channels[0].threadId, second.channels[0].threadId]).toEqual(followed);
    expect(await askDebug(server, '/debug/delivery?limit=0')).toMatchObject({ status: 400 });
  });

  it('names the followings that are behind, and since when', async () => {
    const threadId = await newThread(alice);
    await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId });
    await fillKernel(bob, async () => {
      await alice.ask('start_agent', {
        threadId,
        agent: 'echo',
        input: { text: `${'x'.repeat(999)} `, repeat: 8_000 },
      });
      await alice.next('agent_completed');
      return (await debug()).delivery[0].behindTotal > 0;
    });
    const { delivery, channels } = await debug();
    const { connections } = (await askDebug(server, '/debug/connections?userId=bob')).body;
    tcpOf(bob).resume();

    expect(delivery[0].behind).toMatchObject([
      { userId: 'bob', threadId, state: 'behind', stateSince: expect.any(Number) },
    ]);
    expect(delivery[0].behind[0].position).toBeLessThan(channels[0].head);
    expect(delivery[0].behind[0].flushedThrough).toBeLessThan(delivery[0].behind[0].position);
    expect(channels[0].followers).toMatchObject({ live: 1, behind: 1 });
    expect(delivery[0].totals.threadcast_delivery_behind_total).toBeGreaterThan(0);
    expect(connections[0].unsentBytes).toBeGreaterThan(0);
  });
});
