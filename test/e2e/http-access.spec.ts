import { request } from 'node:http';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Parsed } from './event-source-client.js';
import { HttpApp, type User } from './http-app.js';

const PATHS: [string, string][] = [
  ['GET', '/api/threads'],
  ['POST', '/api/threads'],
  ['GET', '/api/threads/nonsense'],
  ['GET', '/api/threads/nonsense/events?limit=0'],
  ['POST', '/api/threads/nonsense/messages'],
  ['POST', '/api/runs/nonsense/cancel'],
  ['GET', '/api/no-such-thing'],
];

interface RawAnswer {
  readonly status: number | undefined;
  readonly body: Parsed;
}

let app: HttpApp;
let alice: User;

beforeAll(async () => {
  app = await HttpApp.start();
  alice = await app.as('alice');
});

afterAll(() => app.close());

describe('Without a valid token', () => {
  it.each(PATHS)('nothing is looked at: %s %s', async (method, path) => {
    for (const authorization of [undefined, 'Basic YTpi', 'Bearer nonsense']) {
      const response = await fetch(`${app.server.url}${path}`, {
        method,
        headers: {
          'Content-Type': 'application/json',
          ...(authorization === undefined ? {} : { Authorization: authorization }),
        },
        ...(method === 'POST' ? { body: '{ not JSON' } : {}),
      });

      expect(response.status).toBe(401);
      expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
      expect(await response.json()).toMatchObject({ code: 'unauthenticated', status: 401 });
    }
  });
});

describe('The API', () => {
  it('counts requests under routes, never under paths', async () => {
    const threadId = await alice.thread();
    await alice.get(`/api/threads/${threadId}`);
    await alice.get('/api/threads/thread_none');
    await alice.get('/made/up');
    const text = await app.metrics.text();

    expect(text).toContain('{route="GET /api/threads/:threadId",status="200"} 1');
    expect(text).toContain('{route="GET /api/threads/:threadId",status="404"} 1');
    expect(text).toContain('{route="none",status="404"}');
    expect(text).not.toContain(threadId);
    expect(text).not.toContain('made/up');
  });

  it('says at its root where everything is', async () => {
    const response = await fetch(app.server.url);

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ name: 'threadcast' });
  });

  it('lets no other origin in unless it is told to', async () => {
    const response = await fetch(`${app.server.url}/api/threads`, {
      method: 'OPTIONS',
      headers: { Origin: 'https://app.example.com', 'Access-Control-Request-Method': 'GET' },
    });

    expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull();
  });
});

describe('The API with origins let in', () => {
  it('answers the preflight of those, without a token, and of no other', async () => {
    const open = await HttpApp.start({ http: { corsOrigins: ['https://app.example.com'] } });
    try {
      const allowed = await Promise.all(
        ['https://app.example.com', 'https://evil.example.com'].map(async (origin) => {
          const response = await fetch(`${open.server.url}/api/threads`, {
            method: 'OPTIONS',
            headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
          });
          return response.headers.get('Access-Control-Allow-Origin');
        }),
      );

      expect(allowed).toEqual(['https://app.example.com', null]);
    } finally {
      await open.close();
    }
  });
});

describe('POST /dev/token', () => {
  /** `fetch` does not let a test choose its Host. */
  function ask(headers: Record<string, string>, body = '{"userId":"dora","roles":["admin"]}'): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const req = request(`${app.server.url}/dev/token`, { method: 'POST', headers, agent: false }, (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        res.on('end', () => resolve({ status: res.statusCode, body: JSON.parse(text) }));
      });
      req.once('error', reject).end(body);
    });
  }

  const json = { 'Content-Type': 'application/json' };

  it('gives a token that is accepted', async () => {
    const { status, body } = await ask(json);
    expect(status).toBe(201);

    const response = await fetch(`${app.server.url}/api/threads`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${body.token}` },
    });
    expect(await response.json()).toMatchObject({ ownerId: 'dora' });
  });

  it('is open to a page of its own origin', async () => {
    const host = `localhost:${app.server.address.port}`;

    expect(await ask({ ...json, Host: host, Origin: `http://${host}` })).toMatchObject({ status: 201 });
  });

  it.each([
    ['another origin', { Origin: 'https://evil.example.com' }],
    ['another port of this machine', { Origin: 'http://127.0.0.1:1' }],
    ['no origin at all', { Origin: 'null' }],
    ['a name that was pointed at this machine', { Host: 'evil.example.com', Origin: 'http://evil.example.com' }],
    ['a proxy', { 'X-Forwarded-For': '203.0.113.7' }],
  ])('refuses %s', async (_what, headers) => {
    expect(await ask({ ...json, ...headers })).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it.each([['text/plain'], ['application/x-www-form-urlencoded']])('refuses a body of %s', async (type) => {
    expect(await ask({ 'Content-Type': type })).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
  });

  it.each([['{}'], ['{"userId":""}'], ['{"userId":5}'], ['{"userId":"a","roles":["root"]}']])(
    'refuses %s',
    async (body) => {
      expect(await ask(json, body)).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
    },
  );

  it('is not there where tokens are made by others', async () => {
    const production = await HttpApp.start({ jwtSecret: 'a secret of at least thirty-two bytes' });
    try {
      const answers = await Promise.all(
        ['/dev/token', '/dev/other'].map(async (path) => {
          const response = await fetch(`${production.server.url}${path}`, {
            method: 'POST',
            headers: json,
            body: '{}',
          });
          return { status: response.status, text: (await response.text()).replace(path, '') };
        }),
      );

      expect(answers[0]).toEqual(answers[1]);
      expect(answers[0]).toMatchObject({ status: 404 });
    } finally {
      await production.close();
    }
  });
});
