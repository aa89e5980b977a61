import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { TestServer } from '../../src/testing/index.js';
import { exchange, lastAnswer, requestBytes, type RawAnswer } from '../fuzz/raw-http.js';

let server: TestServer;
let token: string;
let threadId: string;
const whileStarting: Promise<RawAnswer>[] = [];

const UPGRADE: [string, string][] = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
];
const POLLING = '/socket.io/?EIO=4&transport=polling';
const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket';

async function answerTo(url: string, bytes: Buffer): Promise<RawAnswer> {
  const answer = lastAnswer(await exchange(url, bytes).received);
  if (answer === null) throw new Error('There was no answer.');
  return answer;
}

const ask = (method: string, path: string, headers: [string, string][] = [], body: string | null = null) =>
  answerTo(
    server.url,
    requestBytes(
      method,
      path,
      [['Host', new URL(server.url).host], ...headers],
      body === null ? null : Buffer.from(body),
    ),
  );

beforeAll(async () => {
  server = await TestServer.start({
    onListening: (url) => {
      whileStarting.push(answerTo(url, requestBytes('GET', '/api/threads', [['Host', 'x']], null)));
      whileStarting.push(answerTo(url, requestBytes('GET', WEBSOCKET, [['Host', 'x'], ...UPGRADE], null)));
    },
  });
  token = await server.token('alice');
  threadId = String((await (await server.ready('alice')).ask('create_thread', {}))['threadId']);
});

afterAll(() => server.close());

function expectCareful({ head }: RawAnswer): void {
  const headers = new Headers(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]),
  );
  expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
  expect(headers.get('X-Frame-Options')).toBe('DENY');
  expect(headers.get('Referrer-Policy')).toBe('no-referrer');
  expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
  expect(headers.get('X-Powered-By')).toBeNull();
  expect(headers.get('Server')).toBeNull();
  const policy = headers.get('Content-Security-Policy')?.split(';') ?? [];
  for (const directive of [
    "default-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
  ]) {
    expect(policy).toContain(directive);
  }
}

describe('Every HTTP answer tells browsers to be careful', () => {
  const bearer = (): [string, string][] => [['Authorization', `Bearer ${token}`]];

  it.each<[string, number, () => Promise<RawAnswer>]>([
    ['the index', 200, () => ask('GET', '/')],
    ['the API reference', 200, () => ask('GET', '/docs/openapi.json')],
    ['health', 200, () => ask('GET', '/health/ready')],
    ['metrics', 200, () => ask('GET', '/metrics')],
    ['an answer of the API', 200, () => ask('GET', '/api/threads', bearer())],
    ['a method that no transport has', 400, () => ask('OPTIONS', POLLING)],
    [
      'an event stream',
      200,
      () => ask('GET', `/api/threads/${threadId}/events`, [...bearer(), ['Accept', 'text/event-stream']]),
    ],
    [
      'a development token',
      201,
      () => ask('POST', '/dev/token', [['Content-Type', 'application/json']], '{"userId":"eve"}'),
    ],
    ['no token', 401, () => ask('GET', '/api/threads')],
    ['no JSON', 400, () => ask('POST', '/api/threads', [...bearer(), ['Content-Type', 'application/json']], '{')],
    ['no such thread', 404, () => ask('GET', '/api/threads/thread_none', bearer())],
    ['no such path', 404, () => ask('GET', '/made/up')],
    [
      'a body that is too large',
      413,
      () =>
        ask('POST', '/api/threads', [...bearer(), ['Content-Type', 'application/json']], `"${'x'.repeat(300_000)}"`),
    ],
    ['a transport', 200, () => ask('GET', POLLING)],
    ['a transport that does not exist', 400, () => ask('GET', `${POLLING}&sid=none`)],
    ['a page of another origin, by polling', 403, () => ask('GET', POLLING, [['Origin', 'http://evil.example']])],
    [
      'a page of another origin, by WebSocket',
      403,
      () => ask('GET', WEBSOCKET, [...UPGRADE, ['Origin', 'http://evil.example']]),
    ],
    ['what is no HTTP', 400, () => answerTo(server.url, Buffer.from('hello\r\n\r\n'))],
    ['starting', 503, () => whileStarting[0]!],
    ['starting, to a WebSocket', 503, () => whileStarting[1]!],
  ])('%s', async (_what, status, asked) => {
    const answer = await asked();

    expect(answer.status).toBe(status);
    expectCareful(answer);
  });

  it('and to come back over TLS, where it was there that they came', async () => {
    const hsts = async (headers: [string, string][]) =>
      /strict-transport-security: (.*)/i.exec((await ask('GET', '/', headers)).head)?.[1];

    expect(await hsts([['X-Forwarded-Proto', 'https']])).toBe('max-age=15552000');
    expect(await hsts([['X-Forwarded-Proto', 'http']])).toBeUndefined();
    expect(await hsts([])).toBeUndefined();
  });
});
