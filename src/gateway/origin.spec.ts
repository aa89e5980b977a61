import { describe, expect, it } from '@jest/globals';

import { isOriginLetIn } from './origin.js';

const host = 'chat.example:3000';

describe('A page may connect', () => {
  it.each([
    ['of the same origin', 'http://chat.example:3000', host],
    ['behind a proxy that speaks TLS', 'https://chat.example', 'chat.example'],
    ['to a Host that is spelled in capitals', 'https://chat.example', 'Chat.Example'],
    ['that says no origin, and so is none', undefined, host],
  ])('%s', (_what, origin, asked) => {
    expect(isOriginLetIn({ ...(origin !== undefined && { origin }), host: asked }, [])).toBe(true);
  });

  it.each([
    'http://evil.example',
    'http://chat.example',
    'http://chat.example:3001',
    'http://chat.example:3000.evil.example',
    'http://evil.example/chat.example:3000',
    'http://evil.example#chat.example:3000',
    'chat.example:3000',
    'null',
    'file://',
    '',
    'http://chat.example:3000, http://evil.example',
    '*',
  ])('and %j may not', (origin) => {
    expect(isOriginLetIn({ origin, host }, [])).toBe(false);
  });

  it('without a Host nothing is the same origin', () => {
    expect(isOriginLetIn({ origin: 'http://chat.example' }, [])).toBe(false);
  });

  it('of an origin that is named, to the letter, and of any with a star', () => {
    const named = ['https://app.example'];
    expect(isOriginLetIn({ origin: 'https://app.example', host }, named)).toBe(true);
    for (const origin of ['http://app.example', 'https://app.example:444', 'https://app.example.evil', 'null']) {
      expect(isOriginLetIn({ origin, host }, named)).toBe(false);
      expect(isOriginLetIn({ origin, host }, ['*'])).toBe(true);
    }
  });
});
