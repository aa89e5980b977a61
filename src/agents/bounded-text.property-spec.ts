import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { cutText, splitText } from './bounded-text.js';

const text = fc.string({ unit: fc.constantFrom('a', '"', '\u0001', 'é', '字', '😀'), maxLength: 400 });
const bytes = (value: string): number => Buffer.byteLength(JSON.stringify(value));

describe('Long text', () => {
  it('is split into parts that fit, hold whole characters, and are the text together', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 16, max: 300 }), (value, maxBytes) => {
        const parts = splitText(value, maxBytes);
        expect(parts.join('')).toBe(value);
        for (const part of parts) {
          expect(bytes(part)).toBeLessThanOrEqual(maxBytes);
          expect(part).not.toMatch(/\p{Surrogate}/u);
        }
      }),
    );
  });

  it('is cut to what fits, with a mark that says what is missing', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 60, max: 300 }), (value, maxBytes) => {
        const cut = cutText(value, maxBytes);
        expect(bytes(cut)).toBeLessThanOrEqual(maxBytes);
        expect(cut).not.toMatch(/\p{Surrogate}/u);
        if (bytes(value) <= maxBytes) {
          expect(cut).toBe(value);
          return;
        }
        const [, kept = '', missing] = /^(.*)… \[cut: (\d+) characters\]$/su.exec(cut) ?? [];
        expect(value.startsWith(kept)).toBe(true);
        expect(kept.length + Number(missing)).toBe(value.length);
      }),
    );
  });
});
