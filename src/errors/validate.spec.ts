import { describe, expect, it } from '@jest/globals';
import { IsInt, IsOptional, IsString, Min } from 'class-validator';

import { IsJsonObject, IsJsonValue } from './json-fields.js';
import { validateDto } from './validate.js';

class Order {
  @IsString()
  name!: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  count?: number;

  @IsOptional()
  @IsJsonObject(40)
  metadata?: Record<string, unknown>;

  @IsOptional()
  @IsJsonValue()
  value?: unknown;
}

class Empty {}

function failure(plain: Record<string, unknown>): unknown {
  try {
    return validateDto(Order, plain);
  } catch (error) {
    return error;
  }
}

describe('validateDto', () => {
  it('gives an instance with the fields of the class alone', () => {
    const order = validateDto(Order, { name: 'n', count: 2, unknown: true });

    expect(order).toBeInstanceOf(Order);
    expect(order).toMatchObject({ name: 'n', count: 2 });
    expect(order).not.toHaveProperty('unknown');
  });

  it('takes anything for a class without fields', () => {
    expect(validateDto(Empty, { a: 1 })).toEqual(new Empty());
  });

  it('names every failed field, once each', () => {
    expect(failure({ name: 5, count: 'x', metadata: [] })).toMatchObject({
      code: 'invalid_payload',
      details: {
        fields: [
          { field: 'name', message: 'name must be a string' },
          { field: 'count', message: expect.any(String) },
          { field: 'metadata', message: 'metadata must be a JSON object of at most 40 bytes' },
        ],
      },
    });
  });

  it.each([
    ['a list', []],
    ['one above its bound', { text: 'x'.repeat(40) }],
    ['text', 'x'],
  ])('refuses %s as an object', (_what, metadata) => {
    expect(failure({ name: 'n', metadata })).toMatchObject({ details: { fields: [{ field: 'metadata' }] } });
  });

  it('refuses what is nested too deep to be written again', () => {
    const value: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));

    expect(failure({ name: 'n', value })).toMatchObject({ details: { fields: [{ field: 'value' }] } });
  });

  it('does not let a request reach the prototype', () => {
    const plain = JSON.parse('{"name":"n","__proto__":{"count":7},"constructor":1}') as Record<string, unknown>;
    const order = validateDto(Order, plain);

    expect(order.count).toBeUndefined();
    expect(Object.getPrototypeOf(order)).toBe(Order.prototype);
  });
});
