import { gzipSync } from 'node:zlib';

import fc from 'fast-check';

import { changedObject, deepText, strangeText } from './json-text.js';

/** One HTTP request: path and headers with places for ids, and the bytes of its body. */
export interface HttpInput {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer | null;
}

interface Route {
  readonly methods: readonly string[];
  readonly path: string;
  readonly fields?: Readonly<Record<string, string>>;
}

const ROUTES: readonly Route[] = [
  { methods: ['GET'], path: '/api/threads' },
  {
    methods: ['POST'],
    path: '/api/threads',
    fields: { threadId: '"thread_own"', title: '"t"', metadata: '{"a":[1]}' },
  },
  { methods: ['GET', 'DELETE'], path: '/api/threads/:id' },
  { methods: ['PATCH'], path: '/api/threads/:id', fields: { title: '"t"', metadata: '{"a":1}' } },
  { methods: ['PUT', 'DELETE'], path: '/api/threads/:id/members/:user' },
  { methods: ['GET'], path: '/api/threads/:id/events' },
  {
    methods: ['POST'],
    path: '/api/threads/:id/messages',
    fields: { content: '"a"', messageId: '"m"', policy: '"queue"' },
  },
  {
    methods: ['POST'],
    path: '/api/threads/:id/messages',
    fields: { content: '"a"', metadata: '{"echo":{"repeat":2}}' },
  },
  { methods: ['POST'], path: '/api/threads/:id/runs', fields: { agent: '"echo"', input: '"a"', policy: '"parallel"' } },
  { methods: ['POST'], path: '/api/threads/:id/runs', fields: { agent: '"x"', external: 'true', runId: '"@run@"' } },
  { methods: ['GET'], path: '/api/runs/:run' },
  { methods: ['POST'], path: '/api/runs/:run/cancel', fields: { reason: '"enough"' } },
  { methods: ['POST'], path: '/api/runs/:run/input', fields: { requestId: '"@request@"', value: '1' } },
  {
    methods: ['POST'],
    path: '/api/runs/:run/events',
    fields: { events: '[{"type":"agent_delta","data":{"messageId":"m","text":"t"},"eventId":"e"}]' },
  },
  { methods: ['GET'], path: '/debug/connections' },
  { methods: ['GET'], path: '/debug/connections/:id' },
  { methods: ['GET'], path: '/debug/threads/:id' },
  { methods: ['GET'], path: '/debug/runs/:run' },
  { methods: ['GET'], path: '/debug/delivery' },
  { methods: ['GET'], path: '/debug/resolve' },
  { methods: ['GET'], path: '/debug/explain' },
  { methods: ['POST'], path: '/dev/token', fields: { userId: '"eve"', roles: '["admin"]' } },
  { methods: ['GET'], path: '/health/live' },
  { methods: ['GET'], path: '/health/ready' },
  { methods: ['GET'], path: '/metrics' },
  { methods: ['GET'], path: '/' },
  { methods: ['GET'], path: '/docs' },
  { methods: ['GET'], path: '/socket.io/' },
  { methods: ['GET'], path: '/made/up' },
];

const SEGMENTS = [
  ...['@thread@', '@foreign@', 'thread_none', 'thread_', '__proto__', 'constructor', '..', '.', '', '%', '%zz', '%00'],
  ...[
    '%ff',
    '%c0%ae',
    '%2e%2e%2f',
    '..%2f..%2fetc%2fpasswd',
    '%E2%82',
    '%ED%A0%80',
    'a%20b',
    'a+b',
    ';x=1',
    '%5c',
    '*',
  ],
  ...['%F0%9F%98%80', '\u00e9', '%25', '@run@', 'x'.repeat(300), 'thread_a%2fevents', '%0d%0aX-Evil:1'],
];

const QUERY_NAMES = [
  ...['after', 'before', 'limit', 'view', 'cursor', 'epoch', 'runId', 'threadId', 'seq', 'userId', 'EIO', 'transport'],
  ...['sid', 'after[]', 'after[a]', '__proto__[polluted]', 'constructor[prototype][polluted]', 'token', ''],
];

const QUERY_VALUES = [
  ...['0', '1', '-1', '1.5', '1e3', '1e999', '9007199254740993', '0x10', ' 1', 'NaN', '', 'compact', 'null', 'true'],
  ...['%00', '%ff', '%zz', '@run@', '@thread@', 'x'.repeat(2_000), '%E2%82', 'polling', 'websocket', '4', '3', "'"],
];

const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  [
    'Accept',
    ['text/event-stream', 'application/json', '*/*', 'text/html', ';;q=', 'x'.repeat(500), 'text/event-stream;q=2'],
  ],
  ['Last-Event-ID', ['0', '1', 'x:1', '-1', '1e9', '999999999999999999999', ':', 'a:b:c', '\u00ff', ' ']],
  ['Content-Encoding', ['gzip', 'deflate', 'br', 'identity', 'x', 'gzip, gzip']],
  ['Origin', ['null', 'http://evil.example', 'http://', 'x', '\u00ff']],
  ['Expect', ['100-continue', 'x']],
  ['X-Forwarded-For', ['127.0.0.1', 'x']],
  ['X-Forwarded-Proto', ['https', 'x']],
  ['X-HTTP-Method-Override', ['DELETE', '__proto__']],
  ['Range', ['bytes=0-1', 'bytes=x']],
  ['If-None-Match', ['*', '"x"']],
  ['If-Modified-Since', ['x']],
  ['Host', ['evil.example', 'localhost', '', 'x'.repeat(300)]],
  ['Cookie', ['a=b', '__proto__=x']],
  ['Upgrade', ['websocket', 'h2c']],
  [
    'Authorization',
    ['', 'Bearer', 'Bearer ', 'Bearer x', 'Basic eDp4', `Bearer ${'x'.repeat(9_000)}`, 'Bearer \u00ff'],
  ],
];

const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'text/plain',
  '',
];
const STRANGE_TYPES = [
  ...['application/json; charset=x', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'],
  ...['application/json;', 'x', 'application/merge-patch+json'],
];

const segment = fc.oneof(
  { weight: 6, arbitrary: fc.constant('@thread@') },
  { weight: 5, arbitrary: fc.constantFrom(...SEGMENTS) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => encodeURIComponent(text)) },
);
const runSegment = fc.oneof(
  { weight: 6, arbitrary: fc.constant('@run@') },
  { weight: 1, arbitrary: fc.constant('@foreign-run@') },
  { weight: 2, arbitrary: fc.constantFrom(...SEGMENTS) },
);

const query = fc
  .array(fc.tuple(fc.constantFrom(...QUERY_NAMES), fc.constantFrom(...QUERY_VALUES)), { maxLength: 4 })
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`));

const header = fc
  .constantFrom(...HEADERS)
  .chain(([name, values]) => fc.constantFrom(...values).map((value) => [name, value] as const));

type Damage = 'none' | 'cut' | 'bytes' | 'mark' | 'utf16' | 'gzip';
const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 12, arbitrary: fc.constant('none' as const) },
  { weight: 4, arbitrary: fc.constantFrom('cut', 'bytes', 'mark', 'utf16', 'gzip') },
);

const authorization = fc.constantFrom('Bearer @token@', 'Bearer @token@', 'Bearer @token@', 'Bearer @admin@', null);

export const httpInput: fc.Arbitrary<HttpInput> = fc.constantFrom(...ROUTES).chain((route) =>
  fc
    .record({
      method: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...route.methods) },
        {
          weight: 1,
          arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PURGE'),
        },
      ),
      id: segment,
      run: runSegment,
      query,
      headers: fc.array(header, { maxLength: 2 }),
      authorization,
      type: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(TYPES[0]!, ...TYPES) },
        { weight: 1, arbitrary: fc.constantFrom(...STRANGE_TYPES) },
      ),
      body: bodyOf(route.fields),
    })
    .map(({ method, id, run, query, headers, authorization, type, body }) => ({
      method,
      path: route.path.replace(':id', id).replace(':user', id).replace(':run', run) + query,
      headers: [
        ...(headers.some(([name]) => name === 'Host') ? [] : [['Host', '127.0.0.1'] as const]),
        ...(authorization === null ? [] : [['Authorization', authorization] as const]),
        ...(body === null ? [] : [['Content-Type', type] as const]),
        ...headers,
      ],
      body,
    })),
);

function bodyOf(fields: Readonly<Record<string, string>> | undefined): fc.Arbitrary<Buffer | null> {
  const object = changedObject(fields ?? {});
  const text = fc.oneof(
    { weight: 12, arbitrary: object },
    { weight: 2, arbitrary: strangeText },
    { weight: 1, arbitrary: deepText },
    { weight: 1, arbitrary: fc.constantFrom('', '{', '{"a":', '{}{}', '\u2028', '"x"', 'undefined', '{"a":1,}', '[') },
  );
  const bytes = fc.record({ text, damage, at: fc.nat(200), noise: fc.uint8Array({ minLength: 1, maxLength: 4 }) });
  const body = bytes.map(({ text: whole, damage: kind, at, noise }) => damaged(whole, kind, at, Buffer.from(noise)));
  return fields === undefined
    ? fc.oneof({ weight: 8, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: body })
    : fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 12, arbitrary: body });
}

function damaged(text: string, kind: Damage, at: number, noise: Buffer): Buffer {
  const bytes = Buffer.from(text);
  const place = bytes.length === 0 ? 0 : at % bytes.length;
  switch (kind) {
    case 'none':
      return bytes;
    case 'cut':
      return bytes.subarray(0, place);
    case 'bytes':
      return Buffer.concat([bytes.subarray(0, place), noise, bytes.subarray(place)]);
    case 'mark':
      return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]);
    case 'utf16':
      return Buffer.from(text, 'utf16le');
    case 'gzip':
      return gzipSync(bytes);
  }
}

/** Bytes that are hardly HTTP. */
export const httpGarbage: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
      'GET  / HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
      'GET //x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'GET http://evil.example/api/threads HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'CONNECT evil.example:80 HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST /dev/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'POST /dev/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
      'POST /dev/token HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(2_500)}\r\n`,
      'GET / HTTP/1.1\r\nHost: x\r\nX\u0000: y\r\n\r\n',
      'GET / HTTP/1.1\nHost: x\n\n',
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      'GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      'GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      'GET /socket.io/?EIO=4&transport=websocket&sid=none HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n',
      'GET /socket.io/?EIO=3&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 99\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
    )
    .map((text) => Buffer.from(text, 'latin1')),
);
