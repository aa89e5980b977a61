import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { WebhookReceiver } from '../../src/testing/index.js';
import { Cluster, type ClusterNode } from './cluster.js';
import { signedToken } from './signed-token.js';

describe('A node dies that owes a user who is away the end of a run', () => {
  let receiver: WebhookReceiver;
  let cluster: Cluster;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
    cluster = await Cluster.start({ env: receiver.env });
  });

  afterEach(async () => {
    await cluster.end();
    await receiver.close();
  });

  async function post(node: ClusterNode, path: string, body: object): Promise<Record<string, unknown>> {
    const response = await node.fetch(path, await signedToken('alice'), { method: 'POST', body: JSON.stringify(body) });
    return (await response.json()) as Record<string, unknown>;
  }

  it('and another node tells it, under the same key', async () => {
    const [a, b] = [cluster.node(0), cluster.node(1)];
    await cluster.client(1, 'bob');
    receiver.replyAlways(503);
    const { threadId } = await post(a, '/api/threads', {});
    await post(a, `/api/threads/${String(threadId)}/messages`, { content: 'x' });
    const first = await receiver.delivery(0);
    expect(first.body).toMatchObject({ userId: 'alice', type: 'agent_completed' });
    await a.kill();
    const before = receiver.deliveries.length;
    receiver.replyAlways(204);
    while ((await b.metric('threadcast_delivery_notices_total{outcome="notified"}')) < 1);
    const later = receiver.deliveries.slice(before);
    expect(later.map(({ body }) => body)).toEqual([first.body]);
    expect(later[0]?.headers['idempotency-key']).toBe(first.headers['idempotency-key']);
  });
});
