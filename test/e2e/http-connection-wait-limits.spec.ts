import { afterEach, describe, expect, it } from '@jest/globals';

import { HttpOptions } from '../../src/http/index.js';
import { TestServer, type TestClient } from '../../src/testing/index.js';
import { eventually } from './gateway-kit.js';
import { newThread } from './scripted-server.js';

let server: TestServer;

afterEach(() => server.close());

async function start(limits: Partial<HttpOptions>): Promise<void> {
  const options = Object.assign(new HttpOptions(), limits);
  server = await TestServer.start({ override: (builder) => builder.overrideProvider(HttpOptions).useValue(options) });
}

async function say(user: string, threadId: string, fields: object): Promise<{ status: number; body: unknown }> {
  const body = JSON.stringify({ content: 'hello', ...fields });
  const response = await server.fetch(user, `/api/threads/${threadId}/messages`, { method: 'POST', body });
  return { status: response.status, body: await response.json() };
}

async function userWithThread(
  userId: string,
): Promise<{ client: TestClient; threadId: string; connectionId: unknown }> {
  const client = await server.ready(userId);
  const { connectionId } = await client.next('connection_accepted');
  return { client, threadId: await newThread(client), connectionId };
}

const waits = (count: number): Promise<void> =>
  eventually(
    `${count} wait`,
    async () => (await server.metrics.value('threadcast_http_connection_waits', {})) === count,
  );

describe('Starts that wait for a connection', () => {
  it('are so many per user, repetitions among them; what waits no more makes room', async () => {
    await start({ maxConnectionWaitsPerUser: 2 });
    const [alice, bob] = [await userWithThread('alice'), await userWithThread('bob')];
    const fields = { connectionId: alice.connectionId, messageId: 'm' };
    const first = say('alice', alice.threadId, fields);
    await waits(1);
    const second = say('alice', alice.threadId, fields);
    await waits(2);
    for (const messageId of ['m', 'other']) {
      const refused = await say('alice', alice.threadId, { ...fields, messageId });
      expect(refused).toMatchObject({ status: 429, body: { code: 'pending_queue_full', retryable: true } });
    }
    const ofBob = say('bob', bob.threadId, { connectionId: bob.connectionId });
    await waits(3);
    await bob.client.ask('switch_thread', { threadId: bob.threadId });
    expect((await ofBob).status).toBe(201);
    await alice.client.ask('switch_thread', { threadId: alice.threadId });

    expect([(await first).status, (await second).status]).toEqual([201, 200]);
    expect(await say('alice', alice.threadId, { ...fields, messageId: 'other' })).toMatchObject({ status: 201 });
    expect(await server.metrics.value('threadcast_http_connection_waits_total', { outcome: 'full' })).toBe(2);
  });

  it('are so many in all; whoever waits for nobody is served', async () => {
    await start({ maxConnectionWaits: 1 });
    const [alice, bob] = [await userWithThread('alice'), await userWithThread('bob')];
    const first = say('alice', alice.threadId, { connectionId: alice.connectionId });
    await waits(1);
    const refused = await say('bob', bob.threadId, { connectionId: bob.connectionId });
    expect(refused).toMatchObject({ status: 429, body: { code: 'pending_queue_full' } });
    expect((await say('bob', bob.threadId, {})).status).toBe(201);
    alice.client.close();

    expect((await first).status).toBe(201);
    await waits(0);
  });
});
