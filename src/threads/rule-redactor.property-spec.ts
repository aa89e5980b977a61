import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Metrics } from '../metrics/index.js';
import { RuleRedactor } from './rule-redactor.js';

const redactor = new RuleRedactor(new Metrics());

/** Built from what the rules look for, so that their edges are met often. */
const pieces = fc.constantFrom(
  ...[
    'password',
    'token',
    'api key',
    'Authorization',
    'Cookie',
    'Bearer ',
    'Basic ',
    '=',
    ':',
    ': ',
    ' ',
    '"',
    "'",
    '\\',
  ],
  ...['\\"', '://', '@', 'eyJhbGci', '.', 'sk-', 'ghp_', '-----BEGIN PRIVATE KEY-----', '[redacted]', '\n', ';', ','],
  ...['hunter2', 'abcdefgh1234567890', 'word', '$', '{', '}', '<', '😀', '\ud83d', 'digest ', 'AKIA', 'x'],
);
const hostile = fc.array(pieces, { maxLength: 30 }).map((all) => all.join(''));
const plain = fc.string({ unit: fc.constantFrom(...Array.from('bdfgjlmqruvz 0123456789,.!?é😀')), maxLength: 40 });
const plainJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    plain,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(plain, tie('value')), { maxLength: 5 }).map((fields) => Object.fromEntries(fields)),
  ),
})).value;
const anything = fc.anything({
  key: fc.oneof(hostile, fc.string(), fc.constant('__proto__')),
  values: [hostile, fc.string(), fc.double(), fc.bigInt(), fc.constant(undefined), fc.constant(null), fc.boolean()],
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  withNullPrototype: true,
  withBoxedValues: true,
  maxDepth: 5,
});

describe('Redaction', () => {
  it('gives back what has nothing to hide, in the same order', () => {
    fc.assert(
      fc.property(plainJson, (value) => {
        const safe = redactor.redact(value);
        expect(safe).toEqual(value);
        expect(JSON.stringify(safe)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('never throws on text', () => {
    fc.assert(fc.property(hostile, (text) => expect(typeof redactor.redactText(text)).toBe('string')));
  });

  it('never throws, changes nothing that it was given, and makes what JSON reads back as it is', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const before = fc.stringify(value);
        const safe = redactor.redact(value);
        expect(fc.stringify(value)).toBe(before);
        const json = JSON.stringify(safe);
        expect(JSON.stringify(JSON.parse(json))).toBe(json);
      }),
    );
  });

  it('hides what is assigned to a secret name, whatever text is around it', () => {
    const name = fc.constantFrom('password=', 'DB_PASSWORD=', 'api key: ', '"token": "', 'Authorization: Bearer ');
    const secret = fc.string({ unit: fc.constantFrom('x', 'Y', '7', '9'), minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(plain, name, secret, plain, (before, head, value, after) => {
        const text = redactor.redactText(`${before} ${head}q1${value}" ${after}`);
        expect(text).toBe(`${before} ${head.replace('Bearer ', '')}[redacted]" ${after}`);
      }),
    );
  });

  it('hides the value of a secret name wherever it stands', () => {
    const name = fc.constantFrom('password', 'apiKey', 'access_token', 'X-Api-Key', 'clientSecret', 'Set-Cookie');
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'list', 'b'), { maxLength: 20 }), name, (path, secret) => {
        const value = path.reduce<unknown>((inner, step) => (step === 'list' ? [inner] : { [step]: inner }), {
          [secret]: 'xyzzy',
        });
        expect(JSON.stringify(redactor.redact(value))).not.toContain('xyzzy');
      }),
    );
  });
});

describe('The time that a hostile text takes', () => {
  const repeated = [
    ...['a', ' ', ':', '=', '"', '\\', '-', '.', '@', '://', '://a:', 'a:', 'a=', 'a ', 'api ', 'key ', 'a.b-c_'],
    ...['eyJ', 'eyJaaaaa.', 'eyJaaaaa.b.', 'sk-', 'sk-a', 'ghp_', 'AKIA', 'xoxb-', 'Bearer ', 'basic a.', 'bearer\t'],
    ...['password=', 'password="', 'password=\\"', "password: '", 'password=\\', 'token: a', 'Authorization: Digest '],
    ...[
      'Cookie: a=',
      'cookie=a=b;',
      '-----BEGIN PRIVATE KEY-----',
      '-----BEGIN ',
      '-----END ',
      'password   ',
      'tokenA',
    ],
    ...['password=$', 'password="<', 'password={{', 'token: a.a', 'token: a-', 'secret=secret.', '\\"password\\":'],
  ];
  const timeOf = (text: string) => {
    const start = process.cpuUsage();
    redactor.redactText(text);
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  /** The best of three: what is left is the work itself. */
  const bestOf = (text: string) => Math.min(timeOf(text), timeOf(text), timeOf(text));
  const grown = (piece: string, length: number) => `password ${piece.repeat(length / piece.length)}`;

  it.each(repeated)('grows with its length alone: %j', (piece) => {
    // Eight times the text takes 64 times as long where time is quadratic; 20 ms are lost in noise.
    const small = bestOf(grown(piece, 131_072));
    const large = bestOf(grown(piece, 1_048_576));
    expect(large).toBeLessThan(Math.max(20_000, small) * 24);
  });
});
