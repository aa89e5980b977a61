import { describe, expect, it } from '@jest/globals';

import { oneOf, readQuery, text, wholeNumber } from './query.js';
import { streamPosition } from './stream-position.js';

const LIMIT = wholeNumber('So many.', { least: 1, cap: 1_000, otherwise: 100 });
const AFTER = wholeNumber('Behind this.', { least: 0 });

describe('A query', () => {
  it('gives numbers, capped, and nothing for what is not there or not asked for', () => {
    const given = { limit: '99999999999999999999', after: '0', more: 'x' };

    expect(readQuery({ limit: LIMIT, after: AFTER, before: AFTER }, given)).toEqual({ limit: 1_000, after: 0 });
  });

  it.each(['-1', '1.5', '1e3', ' 1', '', '0x10', '9007199254740993', ['1', '2']])('refuses %j as a number', (value) => {
    expect(() => readQuery({ after: AFTER }, { after: value })).toThrow(/after must be/);
  });

  it('tells all that is wrong at once', () => {
    const parameters = { after: AFTER, view: oneOf('How.', ['compact']), cursor: text('From where.') };

    expect(() => readQuery(parameters, { after: 'x', view: 'y', cursor: 'z'.repeat(2_000) })).toThrow(
      expect.objectContaining({
        code: 'invalid_payload',
        details: { fields: ['after', 'view', 'cursor'].map((field) => ({ field, message: expect.any(String) })) },
      }),
    );
  });

  it('is described by what it is read by', () => {
    expect(LIMIT.schema).toMatchObject({ type: 'integer', minimum: 1, default: 100 });
    expect(LIMIT.schema.description).toContain('1000');
    expect(oneOf('How.', ['compact']).schema).toMatchObject({ enum: ['compact'] });
  });
});

describe('Where a stream begins', () => {
  it.each([
    [undefined, {}, { after: 0, epoch: undefined }],
    ['', { after: '4' }, { after: 4, epoch: undefined }],
    [undefined, { after: '4', epoch: 'e' }, { after: 4, epoch: 'e' }],
    ['7', { after: '4', epoch: 'e' }, { after: 7, epoch: 'e' }],
    ['f:7', { after: '4', epoch: 'e' }, { after: 7, epoch: 'f' }],
  ])('is read from Last-Event-ID %j and %j', (lastEventId, query, position) => {
    expect(streamPosition(lastEventId, query)).toEqual(position);
  });

  it.each(['x', ':7', 'e:', 'e:7:8', '-1', 'e:7, e:8', '9999999999999999'])('is not read from %j', (lastEventId) => {
    expect(() => streamPosition(lastEventId, {})).toThrow(expect.objectContaining({ code: 'invalid_payload' }));
  });

  it('is no place to page backwards from', () => {
    expect(() => streamPosition(undefined, { before: '3' })).toThrow(/before/);
  });
});
