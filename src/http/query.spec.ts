import { describe, expect, it } from '@jest/globals';

import { Query } from './query.js';
import { streamPosition } from './stream-position.js';

describe('A query', () => {
  it('gives numbers, capped, and undefined for what is not there', () => {
    const query = new Query({ limit: '99999999999999999999', after: '0' });

    expect(query.integer('limit', { least: 1, cap: 1_000 })).toBe(1_000);
    expect(query.integer('after', { least: 0 })).toBe(0);
    expect(query.integer('before', { least: 1 })).toBeUndefined();
    expect(() => query.check()).not.toThrow();
  });

  it.each(['-1', '1.5', '1e3', ' 1', '', '0x10', '9007199254740993', ['1', '2']])('refuses %j as a number', (value) => {
    const query = new Query({ after: value });
    query.integer('after', { least: 0 });

    expect(() => query.check()).toThrow(/after must be/);
  });

  it('tells all that is wrong at once', () => {
    const query = new Query({ after: 'x', view: 'y', cursor: 'z'.repeat(2_000) });
    query.integer('after', { least: 0 });
    query.oneOf('view', ['compact']);
    query.text('cursor');

    expect(() => query.check()).toThrow(
      expect.objectContaining({
        code: 'invalid_payload',
        details: { fields: ['after', 'view', 'cursor'].map((field) => ({ field, message: expect.any(String) })) },
      }),
    );
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
