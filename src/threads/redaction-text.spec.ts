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
