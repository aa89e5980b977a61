import { describe, expect, it } from '@jest/globals';

import { readPacket, requestName, splitAck } from './read-packet.js';

const refusal = (event: string, ...values: unknown[]): unknown => {
  try {
    return readPacket(event, values);
  } catch (error) {
    return error;
  }
};

describe('What comes in under an event’s name', () => {
  it('is a request of that name, with or without a payload', () => {
    expect(readPacket('create_thread', [])).toEqual({ type: 'create_thread', payload: {} });
    expect(readPacket('switch_thread', [{ thread_id: 't', after: 1 }])).toEqual({
      type: 'switch_thread',
      payload: { threadId: 't', after: 1 },
    });
  });

  it('is the envelope under message, whose ids may stand beside its payload', () => {
    const envelope = { type: 'switch_thread', thread_id: 't', other: 1, payload: { after: 1 } };

    expect(readPacket('message', [envelope])).toEqual({
      type: 'switch_thread',
      payload: { threadId: 't', after: 1 },
    });
  });

  it.each([
    ['create_thread', [[]]],
    ['create_thread', [null]],
    ['create_thread', ['text']],
    ['create_thread', [{}, {}]],
    ['create_thread', [new Date(0)]],
    ['message', []],
    ['message', [{ type: 7 }]],
    ['message', [{ type: 'create_thread' }, 1]],
    ['message', [{ type: 'create_thread', payload: null }]],
    ['message', [{ type: 'switch_thread', threadId: 'a', payload: { threadId: 'b' } }]],
  ])('is refused where it has not that form: %s %j', (event, values) => {
    expect(refusal(event, ...values)).toMatchObject({ code: 'invalid_payload' });
  });

  it.each([
    ['ping', [1, 2]],
    ['ping', [Buffer.from('binary')]],
    ['message', [{ type: 'ping', payload: [] }, 1]],
  ])('is taken as ping whatever comes with it: %s %j', (event, values) => {
    expect(readPacket(event, values)).toEqual({ type: 'ping', payload: {} });
  });

  it('keeps a prototype that JSON names from becoming one', () => {
    const evil = JSON.parse('{"__proto__":{"threadId":"evil"},"type":"switch_thread"}') as object;

    expect(readPacket('switch_thread', [evil]).payload['threadId']).toBeUndefined();
    expect(readPacket('message', [evil])).toEqual({ type: 'switch_thread', payload: {} });
  });

  it('is named as it is answered, cut to the length of a name', () => {
    expect(requestName('ping', [])).toBe('ping');
    expect(requestName('message', [{ type: 'ping' }])).toBe('ping');
    expect(requestName('message', ['text'])).toBe('message');
    expect(requestName('x'.repeat(1_000), [])).toHaveLength(100);
  });

  it('has its callback last', () => {
    const ack = (): void => undefined;

    expect(splitAck([1, ack])).toEqual({ values: [1], ack });
    expect(splitAck([1])).toEqual({ values: [1], ack: null });
    expect(splitAck([])).toEqual({ values: [], ack: null });
  });
});
