import { describe, expect, it } from '@jest/globals';

import { Metrics } from '../metrics/index.js';
import { RuleRedactor } from './rule-redactor.js';

const metrics = new Metrics();
const redactor = new RuleRedactor(metrics);

const BOUND = 262_144;

const secretNames = [
  ...['password', 'Password', 'PASSWORD', 'passWord', 'user_password', 'userPassword2', 'db.password', 'passwd', 'pwd'],
  ...['passphrase', 'secret', 'clientSecret', 'AWS_SECRET_ACCESS_KEY', 'secret-key', 'secretkey', 'token', 'tokens'],
  ...[
    'accessToken',
    'refresh_token',
    'x-auth-token',
    'apiKey',
    'APIKey',
    'apikey',
    'api key',
    'OPENAI_API_KEY',
    'apiKeys',
  ],
  ...['X-Api-Key', 'accessKeyId', 'privateKey', 'private_key', 'Authorization', 'proxy-authorization', 'Cookie'],
  ...['set-cookie', 'credentials', 'credential', 'creds'],
];

const harmlessNames = [
  ...['keyboard', 'monkey', 'author', 'authors', 'authority', 'authorized', 'tokenizer', 'secretary', 'key', 'keys'],
  ...[
    'passwordless',
    'cookiecutter',
    'sessionId',
    'passage',
    'compass',
    'apiKeyboard',
    'primaryKey',
    'tokenized',
    'bypass',
  ],
];

describe('A field with the name of a secret', () => {
  it.each(secretNames)('%s is hidden', (name) => {
    expect(redactor.redact({ [name]: 'hunter2' })).toEqual({ [name]: '[redacted]' });
  });

  it.each(harmlessNames)('%s stays', (name) => {
    expect(redactor.redact({ [name]: 'hunter2' })).toEqual({ [name]: 'hunter2' });
  });

  it('is hidden at any depth, in lists too, with all that is in it', () => {
    expect(
      redactor.redact({ list: [{ deep: { token: ['a', 'b'] } }], credentials: { user: 'u' }, secret: { pin: 1 } }),
    ).toEqual({ list: [{ deep: { token: '[redacted]' } }], credentials: '[redacted]', secret: '[redacted]' });
  });

  it('leaves counters, switches and what is not set', () => {
    const usage = {
      tokens: 12,
      maxTokens: 4096,
      tokenCount: 3,
      totalTokens: 5,
      prompt_tokens_details: { cached_tokens: 1, audio: [0, 0] },
      token: null,
      hasPassword: true,
    };
    expect(redactor.redact(usage)).toEqual(usage);
  });

  it('hides a password of digits', () => {
    expect(redactor.redact({ password: 123456, pwd: 5n })).toEqual({ password: '[redacted]', pwd: '[redacted]' });
  });

  it('is left where a JSON Schema only describes it', () => {
    const schema = { type: 'object', properties: { password: { type: 'string' }, token: { type: 'string' } } };
    expect(redactor.redact({ schema })).toEqual({ schema });
    expect(redactor.redact({ properties: { password: 'hunter2' } })).toEqual({
      properties: { password: '[redacted]' },
    });
  });
});

describe('What is too large', () => {
  it('is a string above 262,144 characters: cut with a mark, never inside a character', () => {
    expect(redactor.redact('x'.repeat(BOUND))).toHaveLength(BOUND);
    const cut = redactor.redact(`${'x'.repeat(BOUND - 65)}${'😀'.repeat(100_000)}`);
    expect(cut).toBe(`${'x'.repeat(BOUND - 65)}… [cut: 200000 characters]`);
    expect(redactor.redact(cut)).toBe(cut);
  });

  it('does not let a cut part a secret', () => {
    const text = `${'x '.repeat(BOUND / 2 - 40)}password=${'s3cr3t'.repeat(40)} ${'y '.repeat(BOUND)}`;
    expect(redactor.redact(text)).not.toContain('s3c');
  });

  it('is a value deeper than 64 containers', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 'end' : [nested(depth - 1)]);
    expect(redactor.redact(nested(64))).toEqual(nested(64));
    expect(JSON.stringify(redactor.redact(nested(65)))).toContain('[cut: too deep]');
    expect(JSON.stringify(redactor.redact(nested(5_000)))).toHaveLength(2 * 64 + '"[cut: too deep]"'.length);
  });

  it('is a list or an object of more than 100,000 entries', () => {
    const list = redactor.redact(new Array<number>(4_000_000_000));
    expect(list).toHaveLength(100_001);
    expect(list.at(-1)).toBe('[cut: 3999900000 more]');
    const wide = Object.fromEntries(Array.from({ length: 100_010 }, (_, at) => [`n${at}`, at]));
    expect(Object.entries(redactor.redact(wide)).at(-1)).toEqual(['…', '[cut: 10 more]']);
  });

  it('is an object that multiplies by being referred to again and again', () => {
    let value: unknown = 'x'.repeat(10_000);
    for (let level = 0; level < 40; level += 1) value = [value, value];
    expect(JSON.stringify(redactor.redact(value)).length).toBeLessThan(6_000_000);
  });
});

describe('What JSON cannot say', () => {
  it('is left out, or has a form of its own', () => {
    class Point {
      constructor(readonly x: number) {}
    }
    const value = {
      gone: undefined,
      call: () => 1,
      symbol: Symbol('s'),
      list: [undefined, () => 1, Symbol('s')],
      big: 12n,
      not: NaN,
      far: -Infinity,
      date: new Date(0),
      never: new Date(NaN),
      map: new Map<unknown, unknown>([
        ['a', 1],
        ['password', 'p'],
        [{}, 2],
      ]),
      set: new Set([1, 'two']),
      bytes: Buffer.from('abc'),
      floats: new Float64Array(2),
      point: new Point(1),
      boxed: Object('text'),
      error: new TypeError('token=abcdef'),
      json: { toJSON: (key: string) => ({ key, toJSON: () => 'again' }) },
      url: new URL('https://u:p@example.org/'),
    };
    expect(redactor.redact<unknown>(value)).toEqual({
      list: [null, null, null],
      big: '12',
      not: null,
      far: null,
      date: '1970-01-01T00:00:00.000Z',
      never: null,
      map: { a: 1, password: '[redacted]', '[key]': 2 },
      set: [1, 'two'],
      bytes: '[binary: 3 bytes]',
      floats: '[binary: 16 bytes]',
      point: { x: 1 },
      boxed: 'text',
      error: { name: 'TypeError', message: 'token=[redacted]' },
      json: { key: 'json' },
      url: 'https://[redacted]@example.org/',
    });
    expect(redactor.redact<unknown>(undefined)).toBeNull();
  });

  it('is a cycle; the same object twice is not', () => {
    const shared = { a: 1 };
    const value: Record<string, unknown> = { shared, again: [shared] };
    value['self'] = { up: value };
    expect(redactor.redact(value)).toEqual({ shared, again: [shared], self: { up: '[circular]' } });
  });

  it('is what throws when it is read', () => {
    const fail = () => {
      throw new Error('no');
    };
    const trap = new Proxy({}, { ownKeys: fail, get: fail, getPrototypeOf: fail });
    const value = Object.defineProperty({ a: 1, trap, json: { toJSON: fail } }, 'b', { get: fail, enumerable: true });
    expect(redactor.redact<unknown>(value)).toEqual({
      a: 1,
      trap: '[unreadable]',
      json: '[unreadable]',
      b: '[unreadable]',
    });
  });

  it('is not `__proto__`: it is copied as a field, and nothing is polluted', () => {
    const value: unknown = JSON.parse('{"__proto__":{"polluted":true,"token":"t"},"constructor":{"prototype":1}}');
    const safe = redactor.redact(value);
    expect(JSON.stringify(safe)).toBe(
      '{"__proto__":{"polluted":true,"token":"[redacted]"},"constructor":{"prototype":1}}',
    );
    expect(Object.getPrototypeOf(safe)).toBe(Object.prototype);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('What was done', () => {
  it('is counted by kind', async () => {
    const own = new Metrics();
    const counted = new RuleRedactor(own);
    counted.redact({
      password: 'x',
      text: ['password=abc', 'ok'],
      long: 'x'.repeat(BOUND + 1),
      bytes: Buffer.alloc(1),
    });
    counted.redactText('Bearer abc123def');
    const counts = ['key', 'text', 'cut', 'replaced'].map((kind) =>
      own.value('threadcast_threads_redactions_total', { kind }),
    );
    expect(await Promise.all(counts)).toEqual([1, 2, 1, 1]);
  });
});
