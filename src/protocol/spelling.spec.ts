import { describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../errors/index.js';
import { normaliseIds } from './spelling.js';

describe('The ids of a request', () => {
  it.each([
    ['camelCase at the top', { threadId: 't' }],
    ['snake_case at the top', { thread_id: 't' }],
    ['camelCase in payload', { payload: { threadId: 't' } }],
    ['snake_case in payload', { payload: { thread_id: 't' } }],
    ['all of them, agreeing', { threadId: 't', thread_id: 't', payload: { threadId: 't', thread_id: 't' } }],
    ['null beside a value', { threadId: null, thread_id: 't' }],
  ])('are found as %s', (_how, body) => {
    expect(normaliseIds(body)).toMatchObject({ threadId: 't' });
  });

  it('are each found on their own, and nothing else is lifted', () => {
    const body = { run_id: 'r', content: 'c', payload: { message_id: 'm', content: 'other' } };

    expect(normaliseIds(body)).toEqual({
      runId: 'r',
      messageId: 'm',
      content: 'c',
      payload: { message_id: 'm', content: 'other' },
    });
  });

  it('are absent when they are null or not given', () => {
    expect(normaliseIds({ threadId: null, payload: 'text' })).toEqual({ payload: 'text' });
  });

  it('are left as they are where they are no text, for their grammar to refuse', () => {
    expect(normaliseIds({ thread_id: ['t'], runId: [] })).toEqual({ threadId: ['t'], runId: [] });
  });

  it.each([
    [{ threadId: 'a', thread_id: 'b' }],
    [{ threadId: 'a', payload: { thread_id: 'b' } }],
    [{ payload: { threadId: 'a', thread_id: 'b' } }],
    [{ threadId: 'a', thread_id: 1 }],
  ])('are refused where they differ: %j', (body) => {
    expect(() => normaliseIds(body)).toThrow(ThreadcastError);
    try {
      normaliseIds(body);
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_payload', details: { fields: [{ field: 'threadId' }] } });
    }
  });

  it('come in a copy; the request given is not changed, and a prototype is not taken for a field', () => {
    const body = JSON.parse('{"thread_id":"t","__proto__":{"runId":"evil"}}') as Record<string, unknown>;
    const before = structuredClone(body);

    expect(normaliseIds(body)).not.toHaveProperty('runId');
    expect(body).toEqual(before);
  });
});
