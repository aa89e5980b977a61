import { describe, expect, it } from '@jest/globals';

import { ManualClock } from '../testing/manual-clock.js';
import { guardedSignal } from './guarded-signal.js';

describe('The signal that an agent gets', () => {
  it('calls the others when a listener throws or rejects, and tells of it', async () => {
    const abort = new AbortController();
    const failures: unknown[] = [];
    const signal = guardedSignal(abort.signal, (reason) => failures.push(reason));
    const called: string[] = [];
    signal.addEventListener('abort', () => {
      throw new Error('thrown');
    });
    signal.addEventListener('abort', () => Promise.reject(new Error('rejected')) as never);
    signal.onabort = () => {
      throw new Error('property');
    };
    signal.addEventListener('abort', { handleEvent: (event) => called.push(event.type) });
    signal.addEventListener('abort', function (this: AbortSignal) {
      called.push(String(this === signal));
    });
    const removed = (): number => called.push('removed');
    signal.addEventListener('abort', removed);
    signal.removeEventListener('abort', removed);
    abort.abort();
    await new Promise<void>((resolve) => new ManualClock().soon(resolve));

    expect(called).toEqual(['abort', 'true']);
    expect(failures.map(String).sort()).toEqual(['Error: property', 'Error: rejected', 'Error: thrown']);
    expect(signal).toBe(abort.signal);
  });
});
