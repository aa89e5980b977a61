import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { WebhookReceiver } from '../../src/testing/index.js';
import { TempDirs } from '../support/temp-dir.js';
import type { KillPoint, Order } from './faults.js';
import { ServerProcess } from './server-process.js';

describe('A server that is killed while it owes a user who is away the end of a run', () => {
  const dirs = new TempDirs();
  let receiver: WebhookReceiver;
  let server: ServerProcess;
  let dataDir: string;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
    dataDir = await dirs.make();
  });

  afterEach(async () => {
    await server.end();
    await receiver.close();
    await dirs.remove();
  });

  const start = async (faults?: readonly Order[]): Promise<void> => {
    server = new ServerProcess({ dataDir, env: receiver.env, ...(faults !== undefined && { faults }) });
    await server.ready();
  };
  const post = async (path: string, body: object): Promise<Response> =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${await server.token('alice')}` },
      body: JSON.stringify(body),
    });
  const newThread = async (): Promise<string> =>
    ((await (await post('/api/threads', {})).json()) as { threadId: string }).threadId;

  it('sends what the receiver has not taken after the next start, under the same key', async () => {
    receiver.replyAlways(503);
    await start();
    await post(`/api/threads/${await newThread()}/messages`, { content: 'x' });
    const first = await receiver.delivery(0);
    server.kill();
    await server.exit();
    const before = receiver.deliveries.length;
    receiver.replyAlways(204);
    await start();
    const again = await receiver.delivery(before);

    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotency-key']).toBe(first.headers['idempotency-key']);
  }, 400_000);

  it.each<[KillPoint, string]>([
    ['before the delivery', 'agent_completed'],
    ['inside the commit', 'agent_error'],
  ])(
    '%s of that end, sends it after the next start: %s',
    async (at, type) => {
      await start([]);
      const threadId = await newThread();
      await server.order({ do: 'die', at, pass: 1, of: 'end' });
      await post(`/api/threads/${threadId}/messages`, { content: 'x' }).catch(() => null);
      await server.exit();
      expect(receiver.deliveries).toEqual([]);
      await start();

      expect((await receiver.delivery(0)).body).toMatchObject({ threadId, userId: 'alice', type });
    },
    400_000,
  );
});
