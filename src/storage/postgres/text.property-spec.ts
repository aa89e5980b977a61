import { expect, it } from '@jest/globals';
import fc from 'fast-check';

import { fromText, toText } from './text.js';

it('any text comes back from a form without U+0000, and no two texts share one', () => {
  const text = fc.string({ unit: fc.constantFrom('\u0000', '\\', '0', 'a', '\n') });
  fc.assert(
    fc.property(text, text, (one, other) => {
      expect(toText(one)).not.toContain('\u0000');
      expect(fromText(toText(one))).toBe(one);
      expect(toText(one) === toText(other)).toBe(one === other);
    }),
  );
});
