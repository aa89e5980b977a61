import { describe, expect, it } from '@jest/globals';

import { Metrics } from '../metrics/index.js';
import { StartupError } from '../startup/index.js';
import type { RedactionRules } from './redaction-rules.js';
import { RuleRedactor } from './rule-redactor.js';

const metrics = new Metrics();
const withRules = (rules: RedactionRules): RuleRedactor => new RuleRedactor(metrics, rules);
const usual = withRules({});

describe('Names of an application’s own', () => {
  const redactor = withRules({ names: ['iban', 'card number', 'taxId'] });

  it.each(['iban', 'IBAN', 'customerIban', 'iban_2', 'card number', 'cardNumber', 'CARD-NUMBER', 'old_card_number'])(
    'are read in words: %s is hidden',
    (name) => expect(redactor.redact({ [name]: 'DE02 1203' })).toEqual({ [name]: '[redacted]' }),
  );

  it.each(['ibanez', 'card', 'number', 'numberCard', 'cardNumbers', 'card_of_number', 'taxi'])('%s stays', (name) => {
    expect(redactor.redact({ [name]: 'x' })).toEqual({ [name]: 'x' });
  });

  it('hide whatever is there: numbers, lists, objects', () => {
    expect(redactor.redact({ list: [{ taxId: 12345 }, { iban: ['a', 1] }, { cardNumber: { of: 1 } }] })).toEqual({
      list: [{ taxId: '[redacted]' }, { iban: '[redacted]' }, { cardNumber: '[redacted]' }],
    });
  });

  it('are known inside text too, and beside the built-in ones', () => {
    const text = '{"iban":"DE02 1203"} card_number=4111 password=abc keyboard=qwertz1';
    const safe = '{"iban":"[redacted]"} card_number=[redacted] password=[redacted] keyboard=qwertz1';
    expect(redactor.redactText(text)).toBe(safe);
    expect(redactor.redactText(safe)).toBe(safe);
    expect(usual.redactText('iban=DE021203')).toBe('iban=DE021203');
  });
});

describe('Patterns of an application’s own', () => {
  const redactor = withRules({ patterns: [/\bEMP-\d{6}\b/, /ticket:\w+/gi, /(?=x)/] });

  it('are replaced wherever text is, in names of fields too', () => {
    const value = { 'of EMP-123456': ['EMP-123456, EMP-654321.', { deep: 'TICKET:abc' }], n: 123456, x: 'EMP-12' };
    expect(redactor.redact(value)).toEqual({
      'of [redacted]': ['[redacted], [redacted].', { deep: '[redacted]' }],
      n: 123456,
      x: 'EMP-12',
    });
    expect(redactor.redactText('EMP-123456 and EMP-654321')).toBe('[redacted] and [redacted]');
  });

  it('find what is shorter than any built-in secret', () => {
    expect(withRules({ patterns: [/§\d/] }).redactText('§7')).toBe('[redacted]');
  });
});

describe('A built-in rule that is off', () => {
  it.each<[NonNullable<RedactionRules['off']>[number], unknown, unknown]>([
    ['token', { token: 'a1b2c3', text: 'token=a1b2c3' }, { password: 'x' }],
    ['key', { apiKey: 'a1b2c3', text: 'api_key=a1b2c3' }, { token: 'x' }],
    ['password', { password: 'a1b2c3', text: 'password: a1b2c3' }, { token: 'x' }],
    ['cookie', { cookie: 'a=1', text: 'Cookie: a=1; b=2' }, { token: 'x' }],
    ['authorization', { authorization: 'a1b2c3', text: 'Authorization: a1b2c3' }, { token: 'x' }],
    ['url', 'postgres://user:pass@host/db', { token: 'x' }],
    ['scheme', 'Bearer a1b2c3d4', { token: 'x' }],
    ['shape', `ghp_${'a1B2'.repeat(9)}`, { token: 'x' }],
    ['private_key', ['-----BEGIN', 'PRIVATE KEY-----\nMII'].join(' '), { token: 'x' }],
  ])('%s leaves what it would have hidden, and the others work', (rule, left, other) => {
    const redactor = withRules({ off: [rule] });
    expect(usual.redact(left)).not.toEqual(left);
    expect(redactor.redact(left)).toEqual(left);
    expect(redactor.redact(other)).not.toEqual(other);
  });

  it('leaves a name that is another kind of secret as well', () => {
    expect(withRules({ off: ['token'] }).redact({ tokenPassword: 'x', token: 'y' })).toEqual({
      tokenPassword: '[redacted]',
      token: 'y',
    });
  });
});

describe('Bounds of an application’s own', () => {
  it('take the place of the usual ones', () => {
    const redactor = withRules({ limits: { maxDepth: 2, maxStringLength: 128, maxNodes: 3 } });
    expect(redactor.redact([[[1]]])).toEqual([['[cut: too deep]']]);
    expect(redactor.redact('x'.repeat(1_000))).toBe(`${'x'.repeat(64)}… [cut: 936 characters]`);
    expect(redactor.redact([1, 2, 3, 4, 5])).toEqual([1, 2, 3, '[cut: 2 more]']);
  });

  it('may be as deep as is accepted without exhausting the stack', () => {
    let nested: unknown = 'end';
    for (let depth = 0; depth < 1_000; depth += 1) nested = { a: [nested] };
    expect(JSON.stringify(withRules({ limits: { maxDepth: 256 } }).redact(nested))).toContain('[cut: too deep]');
  });
});

describe('Rules that cannot be used', () => {
  it.each<[string, unknown, string]>([
    ['a setting that there is not', { keys: [] }, 'there is no setting keys'],
    ['names that are no list', { names: 'iban' }, 'names must be a list'],
    ['a name without letters', { names: ['iban', '42'] }, 'names[1] has no letters'],
    ['a name that is no text', { names: [5] }, 'names[0] must be text of at most 64 characters'],
    ['a pattern that is text', { patterns: ['x'] }, 'patterns[0] must be a regular expression'],
    ['a pattern that is sticky', { patterns: [/x/y] }, 'patterns[0] must not be sticky (y)'],
    ['a pattern that finds nothing everywhere', { patterns: [/x*/] }, 'patterns[0] matches the empty text'],
    ['a pattern that finds its own mark', { patterns: [/\[.*?\]/] }, 'patterns[0] matches [redacted]'],
    ['too many', { names: new Array<string>(1_001).fill('a') }, 'names has more than 1000 entries'],
    ['a switch that there is not', { off: ['tokens'] }, 'off[0] must be one of password, token, key'],
    ['a limit that there is not', { limits: { maxLength: 5 } }, 'there is no limit limits.maxLength'],
    ['a limit out of its range', { limits: { maxDepth: 0 } }, 'limits.maxDepth must be a whole number from 1 to 256'],
    ['a limit that is no number', { limits: { maxNodes: '9' } }, 'limits.maxNodes must be a whole number'],
    ['limits that are no object', { limits: null }, 'limits must be an object'],
  ])('%s', (_what, rules, fault) => {
    expect(() => withRules(rules as RedactionRules)).toThrow(StartupError);
    expect(() => withRules(rules as RedactionRules)).toThrow(fault);
  });

  it('are named all at once', () => {
    const rules = { names: [''], patterns: [/a*/], off: ['x'], limits: { maxDepth: -1 } } as unknown as RedactionRules;
    expect(() => withRules(rules)).toThrow(/names\[0\].*patterns\[0\].*off\[0\].*limits\.maxDepth/s);
  });
});
