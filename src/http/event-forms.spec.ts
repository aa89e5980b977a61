import { describe, expect, it, jest } from '@jest/globals';

import { readEvent } from './event-forms.js';

describe('The form of an event that a process appends', () => {
  it('is made once, not for each event', () => {
    const given = { type: 'agent_delta', data: { messageId: 'm', text: 'word' }, eventId: 'e' };
    readEvent(given);
    // What reads an object is compiled when its form is used for the first time.
    const compiled = jest.spyOn(globalThis, 'Function');
    for (let n = 0; n < 100; n += 1) expect(readEvent(given)).toEqual(given);
    expect(compiled).not.toHaveBeenCalled();
    compiled.mockRestore();
  });

  it('takes null for a field that may be left out, and keeps it where it is a value', () => {
    const read = (type: string, data: object): unknown => readEvent({ type, data }).data;

    expect(read('agent_completed', { content: 'x', messageId: null, durationMs: null })).toEqual({ content: 'x' });
    expect(read('custom', { name: 'n', value: null })).toEqual({ name: 'n', value: null });
    expect(() => read('agent_delta', { messageId: 'm', text: null })).toThrow(
      expect.objectContaining({ code: 'invalid_payload' }),
    );
  });
});
