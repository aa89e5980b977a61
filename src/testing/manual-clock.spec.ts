import { describe, expect, it } from '@jest/globals';

import { ManualClock } from './manual-clock.js';

describe('ManualClock', () => {
  it('stands still until it is advanced', () => {
    const clock = new ManualClock(1000);
    expect([clock.now(), clock.monotonic()]).toEqual([1000, 0]);
    clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1250, 250]);
  });

  it('fires what is due in order, each at its own time, and nothing before', () => {
    const clock = new ManualClock(0);
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name}@${clock.now()}`);
    clock.after(20, note('late'));
    clock.after(10, note('first'));
    clock.after(10, note('second'));
    clock.advance(9);
    expect(fired).toEqual([]);
    clock.advance(11);
    expect(fired).toEqual(['first@10', 'second@10', 'late@20']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('fires timers that are set while it advances', () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    clock.after(10, () => clock.after(5, () => fired.push(clock.now())));
    clock.advance(15);
    expect(fired).toEqual([15]);
  });

  it('repeats periodic timers until they are cancelled, also from within', () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    const timer = clock.every(10, () => {
      fired.push(clock.now());
      if (fired.length === 3) timer.cancel();
    });
    clock.advance(100);
    expect(fired).toEqual([10, 20, 30]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not fire a cancelled timer', () => {
    const clock = new ManualClock(0);
    const timer = clock.after(10, () => {
      throw new Error('fired');
    });
    timer.cancel();
    timer.cancel();
    clock.advance(10);
  });

  it('wakes sleepers, and lets an aborted one go without a timer left', async () => {
    const clock = new ManualClock(0);
    const slept = clock.sleep(10);
    const abort = new AbortController();
    const aborted = clock.sleep(10, abort.signal);
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    expect(clock.pendingTimers).toBe(1);
    clock.advance(10);
    await expect(slept).resolves.toBeUndefined();
  });

  it('refuses to go back', () => {
    expect(() => new ManualClock().advance(-1)).toThrow(RangeError);
    expect(() => new ManualClock().every(0, () => undefined)).toThrow(RangeError);
  });
});
