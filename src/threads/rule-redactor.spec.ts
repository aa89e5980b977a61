import { describe, expect, it } from '@jest/globals';

import { Metrics } from '../metrics/index.js';
import { RuleRedactor } from './rule-redactor.js';

const metrics = new Metrics();
const redactor = new RuleRedactor(metrics);

/** Put together here, so that no scanner takes this file for a leak. */
const AWS_KEY = ['AKIA', 'IOSFODNN7EXAMPLE'].join('');
const mark = (edge: string) => `-----${edge} RSA PRIVATE KEY-----`;
const PEM = (body: string) => `${mark('BEGIN')}
${body}
${mark('END')}`;
const JWT = ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiJhbGljZSJ9', 'c2lnbmF0dXJl-_x'].join('.');

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

describe('A secret inside text', () => {
  it.each([
    ['Authorization: Bearer abc', 'Authorization: [redacted]'],
    ['authorization: Basic dXNlcjpwYXNz\nHost: x', 'authorization: [redacted]\nHost: x'],
    ['Authorization: Digest username="u", response="r"', 'Authorization: [redacted]'],
    [`curl -H "Authorization: token abcdef" https://x.y`, `curl -H "Authorization: [redacted]" https://x.y`],
    ['{"Authorization":"Bearer abc def"}', '{"Authorization":"[redacted]"}'],
    ['Cookie: a=1; sid=2\nx', 'Cookie: [redacted]\nx'],
    ['Set-Cookie: sid=abc; Path=/', 'Set-Cookie: [redacted]'],
    ['sent Bearer abc123def and left', 'sent Bearer [redacted] and left'],
    ['Basic dXNlcjpwYXNz.', 'Basic [redacted].'],
    [`see ${JWT}.`, 'see [redacted].'],
    ['postgres://user:p@ss@db:5432/x?y=z', 'postgres://[redacted]@db:5432/x?y=z'],
    ['redis://:pw@h, https://u:p@h2/', 'redis://[redacted]@h, https://[redacted]@h2/'],
    [`https://${'a1'.repeat(12)}@git.example/x`, 'https://[redacted]@git.example/x'],
    [`key sk-proj-${'abc123'.repeat(4)}!`, 'key [redacted]!'],
    [`(${AWS_KEY})`, '([redacted])'],
    [`ghp_${'a1B2'.repeat(9)}`, '[redacted]'],
    [`github_pat_${'a1_2'.repeat(9)}`, '[redacted]'],
    [`xoxb-${'123-'.repeat(4)}abc`, '[redacted]'],
    [`AIza${'Sy1_-'.repeat(7)}`, '[redacted]'],
    [`a\n${PEM('MIIE\nabc=')}\nb`, 'a\n[redacted]\nb'],
    [`${mark('BEGIN')}\nMIIE never ended`, '[redacted]'],
    ['password=abc&x=1', 'password=[redacted]&x=1'],
    ['DB_PASSWORD=hunter', 'DB_PASSWORD=[redacted]'],
    ['password: hunter2', 'password: [redacted]'],
    ['API key: abc123def, thanks', 'API key: [redacted], thanks'],
    ['note: token: abc123def', 'note: token: [redacted]'],
    ["token = 'two words'", "token = '[redacted]'"],
    ['{"password":"a\\"b","n":1}', '{"password":"[redacted]","n":1}'],
    ['{\\"password\\":\\"abc\\",\\"n\\":1}', '{\\"password\\":\\"[redacted]\\",\\"n\\":1}'],
    ['{"secret": 1234}', '{"secret": [redacted]}'],
    ['https://x.y/?access_token=abc&page=2', 'https://x.y/?access_token=[redacted]&page=2'],
    ['line\\npassword=abc\\nnext', 'line\\npassword=[redacted]\\nnext'],
    ['api_key="never closed', 'api_key="[redacted]'],
  ])('%s', (text, expected) => {
    expect(redactor.redactText(text)).toBe(expected);
    expect(redactor.redact({ text: [text] })).toEqual({ text: [expected] });
    expect(redactor.redactText(expected)).toBe(expected);
  });

  it('is found in the name of a field', () => {
    expect(redactor.redact({ 'https://u:p@h/': 1 })).toEqual({ 'https://[redacted]@h/': 1 });
  });

  it.each([
    'the password is important',
    'Password: required',
    'token: the word itself',
    'Token: a well-known word.',
    'secret: never give up',
    'The keyboard: abc123def and monkey=banana1',
    'author=alice1 tokenizer: bpe-50k-v2',
    'max_tokens=4096, total_tokens: 128000, tokens: 12.5k',
    'bearer bonds, basic knowledge, Basic authentication',
    'Authorization: Bearer <token>',
    'login(password=password, token=self.token)',
    'const apiKey = process.env.OPENAI_API_KEY;',
    'TOKEN=$MY_TOKEN SECRET=${SECRET}',
    'if (token == null) password = undefined',
    'interface A { password: string; token: AuthToken }',
    'ssh://git@host/x and http://localhost:3000/@scope/name',
    'https://example.org/?q=a:b@c mail me@example.org',
    'sk-learn-extensions task-1234567890',
    'password: https://example.org/reset',
    'a = b, c: d',
  ])('is not seen in: %s', (text) => {
    expect(redactor.redactText(text)).toBe(text);
  });

  it('is looked for without a bound on the length of streamed text', () => {
    const text = `${'word '.repeat(100_000)}password=abc`;
    expect(redactor.redactText(text)).toBe(`${'word '.repeat(100_000)}password=[redacted]`);
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
