import { describe, expect, it } from '@jest/globals';

import { withoutStack } from './without-stack.js';

describe('An error for users', () => {
  it.each([
    ['boom', 'boom'],
    ['first line\n  indented, as a list may be', 'first line\n  indented, as a list may be'],
    ['Meet me\nat noon', 'Meet me\nat noon'],
    ['Error: boom\n    at foo (/srv/app/x.js:1:2)\n    at async /srv/app/y.js:3:4', 'Error: boom'],
    ['boom\r\n    at foo (/srv/app/x.js:1:2)\r\nCaused by: bang\r\n    at bar (x.js:1:2)', 'boom\nCaused by: bang'],
    [
      'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in f\n    g()\nValueError: boom',
      'ValueError: boom',
    ],
    ['    at foo (/srv/app/x.js:1:2)', 'The agent failed.'],
  ])('of %j is %j', (text, told) => {
    expect(withoutStack(text)).toBe(told);
  });
});
