import { Agent, request } from 'node:http';

import { afterEach, describe, expect, it } from '@jest/globals';

import { TestServer } from '../../src/testing/index.js';
import { requestCount } from './gateway-kit.js';

/** A user has twenty times what a connection has. */
const OF_USER = 20;

let server: TestServer;

afterEach(() => server.close());

describe('The rate of a user', () => {
  it('holds over all connections together, and over HTTP; another user is served', async () => {
    server = await TestServer.start({ env: { RATE_LIMIT_BURST: '4', RATE_LIMIT_MESSAGES_PER_SEC: '1' } });
    const bob = await server.ready('bob');
    const connections = await Promise.all(Array.from({ length: OF_USER + 5 }, () => server.ready('alice')));
    const answers = await Promise.all(
      connections.flatMap((client) => Array.from({ length: 4 }, () => client.request('ping'))),
    );
    const refused = answers.filter(({ ok }) => !ok);

    // Time goes on while they are sent, and lets a few more through.
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(4 * OF_USER);
    expect(refused.length).toBeGreaterThan(0);
    for (const { error } of refused) {
      expect(error).toMatchObject({
        code: 'rate_limited',
        retryable: true,
        details: { retryAfterMs: expect.any(Number) },
      });
    }
    expect(await requestCount(server, 'ping', 'rate_limited')).toBe(refused.length);
    await bob.fence();
    expect(connections.every(({ disconnects }) => disconnects.length === 0)).toBe(true);
  });

  it('is told over HTTP with 429 and Retry-After, before anything is looked at, and also where the sockets took it all', async () => {
    server = await TestServer.start({ env: { RATE_LIMIT_BURST: '1', RATE_LIMIT_MESSAGES_PER_SEC: '1' } });
    const statuses: number[] = [];
    let limited: Response | null = null;
    for (let asked = 0; asked < 200 && limited === null; asked += 1) {
      const response = await server.fetch('alice', '/api/threads/nonsense', { method: 'PATCH', body: '{ no JSON' });
      statuses.push(response.status);
      if (response.status === 429) limited = response;
      else await response.text();
    }

    expect(statuses.slice(0, OF_USER)).toEqual(Array(OF_USER).fill(400));
    expect(limited?.headers.get('Retry-After')).toBe('1');
    expect(await limited?.json()).toMatchObject({ code: 'rate_limited', status: 429, retryable: true });
    const alice = await server.ready('alice');
    const asked = await alice.request('ping');
    expect(asked.ok || asked.error?.code === 'rate_limited').toBe(true);
    expect((await server.fetch('bob', '/api/threads')).status).toBe(200);
  });

  it('does not count what nobody is known to have asked: health and metrics are always answered', async () => {
    server = await TestServer.start({ env: { RATE_LIMIT_BURST: '1', RATE_LIMIT_MESSAGES_PER_SEC: '1' } });
    for (let asked = 0; asked < 60; asked += 1) {
      expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    }
  });
});

describe('Tokens that are refused over HTTP', () => {
  it('one after the other end their TCP connection, and are each told why', async () => {
    server = await TestServer.start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (authorization: string): Promise<{ status: number; connection: string | undefined; port: number }> =>
      new Promise((resolve, reject) => {
        const headers = { Authorization: authorization };
        request(`${server.url}/api/threads`, { agent, headers }, (res) => {
          const { localPort = 0 } = res.socket;
          const { statusCode = 0, headers: told } = res;
          res.resume().once('end', () => resolve({ status: statusCode, connection: told.connection, port: localPort }));
        })
          .once('error', reject)
          .end();
      });
    const good = `Bearer ${await server.token('alice')}`;
    const bad: Awaited<ReturnType<typeof ask>>[] = [];
    for (let n = 0; n < 19; n += 1) bad.push(await ask('Bearer guess'));
    expect(await ask(good)).toMatchObject({ status: 200, port: bad[0]?.port });
    for (let n = 0; n < 21; n += 1) bad.push(await ask('Bearer guess'));

    expect(bad.every(({ status }) => status === 401)).toBe(true);
    expect(new Set(bad.slice(0, 39).map(({ port }) => port)).size).toBe(1);
    expect(bad[38]?.connection).toBe('close');
    expect(bad.filter(({ connection }) => connection === 'close')).toHaveLength(1);
    expect(bad[39]?.port).not.toBe(bad[38]?.port);
    agent.destroy();
  });
});
