import { getEventListeners } from 'node:events';

import { describe, expect, it } from '@jest/globals';

import { ManualClock } from '../testing/manual-clock.js';
import { DeadlineExceeded, withDeadline } from './deadline.js';

const never = () => new Promise<never>(() => undefined);

describe('work with a deadline', () => {
  it('settles as the work does and leaves no timer', async () => {
    const clock = new ManualClock();
    await expect(withDeadline(clock, 10, () => Promise.resolve('done'))).resolves.toBe('done');
    await expect(withDeadline(clock, 10, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects at the deadline and aborts the work', async () => {
    const clock = new ManualClock();
    let given: AbortSignal | undefined;
    const result = withDeadline(clock, 10, (signal) => {
      given = signal;
      return never();
    });
    await Promise.resolve();
    clock.advance(10);
    await expect(result).rejects.toBeInstanceOf(DeadlineExceeded);
    expect(given?.aborted).toBe(true);
  });

  it('rejects with the outer reason, also when that came first', async () => {
    const clock = new ManualClock();
    const outer = new AbortController();
    const result = withDeadline(clock, 10, never, outer.signal);
    outer.abort(new Error('stop'));
    await expect(result).rejects.toThrow('stop');
    await expect(withDeadline(clock, 10, never, outer.signal)).rejects.toThrow('stop');
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves nothing behind at an outer signal that lives on', async () => {
    const clock = new ManualClock();
    const outer = new AbortController();
    await withDeadline(clock, 10, () => Promise.resolve(), outer.signal);
    await expect(withDeadline(clock, 10, () => Promise.reject(new Error('no')), outer.signal)).rejects.toThrow('no');
    const late = withDeadline(clock, 10, never, outer.signal);
    clock.advance(10);
    await expect(late).rejects.toBeInstanceOf(DeadlineExceeded);

    expect(getEventListeners(outer.signal, 'abort')).toEqual([]);
  });
});
