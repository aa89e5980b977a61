import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { TestServer } from '../../src/testing/index.js';
import { askDebug } from './debug-kit.js';

const PATHS = [
  '/debug/connections',
  '/debug/connections?limit=none',
  '/debug/connections/nonsense',
  '/debug/threads/nonsense',
  '/debug/runs/nonsense',
  '/debug/delivery?limit=none',
  '/debug/explain',
];

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.close());

describe.each(PATHS)('GET %s', (path) => {
  it('wants a token before it looks at anything', async () => {
    for (const authorization of [undefined, 'Bearer nonsense']) {
      const headers = new Headers(authorization === undefined ? [] : [['Authorization', authorization]]);
      const response = await fetch(`${server.url}${path}`, { headers });

      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code: 'unauthenticated' });
    }
  });

  it('is forbidden to everybody who is no admin, before it looks at anything', async () => {
    expect(await askDebug(server, path, null)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const producer = await server.token('robot', { roles: ['producer'] });
    const response = await fetch(`${server.url}${path}`, { headers: { Authorization: `Bearer ${producer}` } });

    expect(response.status).toBe(403);
  });
});
