import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ERRORS } from '../../src/errors/index.js';
import { ANSWERS, SERVER_EVENTS, THREAD_EVENTS } from '../../src/protocol/index.js';
import { OpenApi } from '../../src/reference/index.js';
import { TestServer } from '../../src/testing/index.js';

let server: TestServer;
let response: Response;
let text: string;

beforeAll(async () => {
  server = await TestServer.start();
  response = await server.fetch(null, '/docs');
  text = await response.text();
});

afterAll(() => server.close());

const all = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, found = '']) => found);

describe('GET /docs', () => {
  it('is a page that nobody needs a token for', () => {
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
    expect(text).toMatch(/^<!doctype html>/);
  });

  it('runs nothing and loads nothing but its own style, and its policy says so', async () => {
    const policy = response.headers.get('Content-Security-Policy') ?? '';

    expect(policy).toContain("default-src 'none'; style-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(text).not.toMatch(/<(script|style|img|iframe|object|base|form)\b/i);
    expect(text).not.toMatch(/\s(style|on\w+)="/i);
    expect(all(/<link [^>]*href="([^"]*)"/g)).toEqual(['/docs/style.css']);
    const style = await server.fetch(null, '/docs/style.css');
    expect([style.status, style.headers.get('Content-Type')]).toEqual([200, 'text/css; charset=utf-8']);
    expect(await style.text()).not.toMatch(/url\(|@import/);
  });

  it('has every request, every event, every route and every error code', () => {
    const operations = Object.values(server.get(OpenApi).document().paths).flatMap((item) =>
      Object.values(item as Record<string, { operationId: string }>).map(({ operationId }) => `http-${operationId}`),
    );
    const ids = [
      ...Object.keys(ANSWERS).map((type) => `request-${type}`),
      ...Object.keys({ ...SERVER_EVENTS, ...THREAD_EVENTS }).map((type) => `event-${type}`),
      ...Object.keys(ERRORS).map((code) => `error-${code}`),
      ...operations,
    ];

    expect(all(/ id="([^"]*)"/g)).toEqual(expect.arrayContaining(ids));
  });

  it('has no link that leads nowhere, and no place twice', async () => {
    const ids = all(/ id="([^"]*)"/g);
    const links = all(/ href="([^"]*)"/g);

    expect(new Set(ids).size).toBe(ids.length);
    expect(links.filter((link) => link.startsWith('#') && !ids.includes(link.slice(1)))).toEqual([]);
    for (const link of new Set(links.filter((one) => !one.startsWith('#')))) {
      expect([link, (await server.fetch(null, link)).status]).toEqual([link, 200]);
    }
  });

  it('shows bounds, meanings and roles', () => {
    expect(text).toContain('string or null, 1–256 characters');
    expect(text).toContain('Whom the token speaks for.');
    expect(text).toContain('with a token of the role admin');
  });

  it('is what the root of the server names', async () => {
    const root = (await (await server.fetch(null, '/')).json()) as { documentation: string };

    expect(root.documentation).toBe('/docs');
  });

  it.each([
    ['GET', '/docs/other'],
    ['POST', '/docs'],
    ['PUT', '/docs/openapi.json'],
  ])('is all there is: %s %s is answered as any path that there is not', async (method, path) => {
    const other = await server.fetch(null, path, { method });

    expect(other.status).toBe(404);
    expect(await other.json()).toMatchObject({ code: 'unknown_request', status: 404 });
  });
});
