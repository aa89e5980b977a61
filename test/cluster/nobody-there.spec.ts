import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Bus } from '../../src/cluster/index.js';
import { ConnectionRegistry } from '../../src/gateway/index.js';
import { WebhookReceiver, type TestServer } from '../../src/testing/index.js';
import { freeze, noticeCount, say, settled } from '../e2e/away-kit.js';
import { eventually } from '../e2e/gateway-kit.js';
import { Fleet, type FleetNode } from './fleet.js';

/** Often enough that a connection shows at once what it has received. */
const BEATING = { gateway: { heartbeatMs: 50 } };

describe('A run ends on one node, and its user', () => {
  let receiver: WebhookReceiver;
  let fleet: Fleet;
  let a: FleetNode;
  let b: FleetNode;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
    fleet = new Fleet(receiver);
  });

  afterEach(async () => {
    await fleet.close();
    await receiver.close();
  });

  async function start(options: object = BEATING): Promise<void> {
    a = await fleet.node(options);
    b = await fleet.node(options);
    await eventually('the nodes know each other', () =>
      [a, b].every(({ server }) => server.get(Bus).nodes().length === 2),
    );
  }

  async function thread(server: TestServer, userId = 'alice'): Promise<unknown> {
    const response = await server.fetch(userId, '/api/threads', { method: 'POST', body: '{}' });
    return ((await response.json()) as { threadId: string }).threadId;
  }

  const told = (server: TestServer) => server.metrics.value('threadcast_delivery_activity_total', { outcome: 'told' });

  it('follows the thread on another node: nobody is told anything', async () => {
    await start();
    const threadId = await thread(a.server);
    const [reader, tabHere, tabThere] = [
      await b.server.ready('alice'),
      await a.server.ready('alice'),
      await b.server.ready('alice'),
    ];
    await reader.ask('subscribe_thread', { threadId });
    await say(a.server, 'alice', threadId);
    await reader.next('agent_completed');
    await settled(a.server, 'received');
    for (const tab of [tabHere, tabThere]) {
      await tab.fence();
      expect(tab.names()).not.toContain('thread_activity');
    }
    expect([await told(a.server), await told(b.server), receiver.deliveries]).toEqual([0, 0, []]);
  });

  it('has connections on several nodes, none of which follows: all of them are told, and another user’s is not', async () => {
    await start();
    const threadId = await thread(a.server);
    await a.server.fetch('alice', `/api/threads/${String(threadId)}/members/bob`, { method: 'PUT' });
    const [here, there, bob] = [
      await a.server.ready('alice'),
      await b.server.ready('alice'),
      await b.server.ready('bob'),
    ];
    const { runId } = await say(a.server, 'alice', threadId);
    for (const tab of [here, there]) {
      expect(await tab.next('thread_activity')).toMatchObject({ threadId, runId, type: 'agent_completed' });
    }
    await settled(a.server, 'told');
    await bob.fence();
    expect(bob.names()).not.toContain('thread_activity');
    expect([await told(a.server), await told(b.server), receiver.deliveries]).toEqual([1, 1, []]);
  });

  it('is only on the other node, and follows nothing: it is told there', async () => {
    await start();
    const threadId = await thread(a.server);
    const there = await b.server.ready('alice');
    const { runId } = await say(a.server, 'alice', threadId);
    expect(await there.next('thread_activity')).toMatchObject({ threadId, runId, type: 'agent_completed' });
    await settled(a.server, 'told');
    expect([await told(a.server), await told(b.server), receiver.deliveries]).toEqual([0, 1, []]);
  });

  it('is on no node: the offline notifier is told, once', async () => {
    await start();
    await b.server.ready('bob');
    const { runId } = await say(a.server, 'alice', await thread(a.server));
    expect((await receiver.delivery(0)).body).toMatchObject({ runId, type: 'agent_completed', userId: 'alice' });
    await settled(a.server, 'notified');
    expect(receiver.deliveries).toHaveLength(1);
    const absences = { seen: 'everywhere' };
    expect(await a.server.metrics.value('threadcast_delivery_absences_total', absences)).toBe(1);
  });

  it('followed on another node, and turns out to have gone from there: the offline notifier is told', async () => {
    await start({ gateway: { heartbeatMs: 300, heartbeatTimeoutMs: 100 } });
    const threadId = await thread(a.server);
    const reader = await b.server.ready('alice');
    await reader.ask('subscribe_thread', { threadId });
    const frozen = freeze(reader);
    const { runId } = await say(a.server, 'alice', threadId);
    await eventually('its silence is noticed', () => b.server.get(ConnectionRegistry).size === 0);
    expect((await receiver.delivery(0)).body).toMatchObject({ runId, type: 'agent_completed' });
    await settled(a.server, 'notified');
    frozen.end();
  });

  it('is on a node that cannot be asked: it is told twice rather than not at all', async () => {
    await start();
    const threadId = await thread(a.server);
    const there = await b.server.ready('alice');
    b.redis.silence();
    const { runId } = await say(a.server, 'alice', threadId);
    expect((await receiver.delivery(0)).body).toMatchObject({ runId, type: 'agent_completed' });
    await settled(a.server, 'notified');
    expect(await a.server.metrics.value('threadcast_delivery_absences_total', { seen: 'partly' })).toBeGreaterThan(0);
    b.redis.restore();
    await eventually('the nodes know each other again', async () => {
      return b.server.get(Bus).state === 'joined' && a.server.get(Bus).nodes().length === 2;
    });
    const second = await say(a.server, 'alice', threadId);
    expect(await there.next('thread_activity')).toMatchObject({ runId: second['runId'] });
    await settled(a.server, 'told');
    expect(await noticeCount(a.server, 'notified')).toBe(1);
  });
});
