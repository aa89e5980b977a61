import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { gatherSchemas } from './gather-schemas.js';
import { wireSchema } from './wire-schema.js';

const PLACE = z.object({ x: z.int(), y: z.int().min(0) }).meta({ id: 'Place' });
const WAY = z.object({ from: PLACE, to: PLACE.optional() }).readonly();

describe('Named schemas', () => {
  it('stand once in a document, beside what stood there', () => {
    const document = { a: wireSchema(WAY), b: [wireSchema(PLACE)], components: { schemas: { Own: {} }, other: 1 } };

    expect(gatherSchemas(document)).toEqual({
      a: {
        type: 'object',
        properties: { from: { $ref: '#/components/schemas/Place' }, to: { $ref: '#/components/schemas/Place' } },
        required: ['from'],
      },
      b: [{ $ref: '#/components/schemas/Place' }],
      components: {
        other: 1,
        schemas: {
          Own: {},
          Place: {
            type: 'object',
            properties: { x: { type: 'integer' }, y: { type: 'integer', minimum: 0 } },
            required: ['x', 'y'],
          },
        },
      },
    });
  });

  it('are never two under one name', () => {
    const other = { $ref: '#/$defs/Place', $defs: { Place: { type: 'string' } } };

    expect(() => gatherSchemas({ a: wireSchema(PLACE), b: other })).toThrow("Two different schemas are named 'Place'");
  });
});
