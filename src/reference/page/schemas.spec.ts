import { describe, expect, it } from '@jest/globals';

import { Schemas } from './schemas.js';

const schemas = new Schemas({ Place: { type: 'object', properties: { x: { type: 'integer' } } } });

const PLACE = { $ref: '#/components/schemas/Place' };

/** What a reader sees: the text without its marks. */
const seen = (text: string): string =>
  text
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(' ,', ',')
    .trim();

describe('A form on the page', () => {
  it.each([
    [{ type: 'string', minLength: 1, maxLength: 64 }, 'string, 1–64 characters'],
    [{ type: ['integer', 'null'], minimum: 0 }, 'integer or null, at least 0'],
    [{ enum: ['a', null] }, '&quot;a&quot; or null'],
    [{ const: true }, 'true'],
    [{ type: 'array', items: PLACE, maxItems: 3 }, 'list of Place, at most 3 items'],
    [{ anyOf: [PLACE, { type: 'null' }] }, 'Place or null'],
    [{}, 'any JSON'],
  ] as const)('says of %j what it takes', (schema, words) => {
    expect(seen(schemas.typeOf(schema).text)).toBe(words);
  });

  it('shows fields by their paths, with what they mean and when they may be left out', () => {
    const { text } = schemas.show({
      type: 'object',
      properties: {
        limit: { type: 'integer', default: 100, description: 'The most.' },
        parts: {
          type: 'array',
          items: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
        },
      },
      required: ['parts'],
    });

    expect(seen(text)).toBe(
      'field type meaning limit optional integer The most. 100 when it is not given. parts list parts[].name string',
    );
  });

  it('links to forms that have a name, and shows each of several', () => {
    expect(schemas.show(PLACE).text).toContain('<a href="#form-Place">Place</a>');
    expect(seen(schemas.show({ anyOf: [schemas.resolved(PLACE), { type: 'null' }] }).text)).toMatch(
      /x .*integer or null/,
    );
  });
});
