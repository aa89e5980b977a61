import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';

import { SystemClock } from './system-clock.js';

const TIMERS = 20_000;
const DAY_MS = 86_400_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heap(): number {
  collect();
  return getHeapStatistics().used_heap_size;
}

const heldBy = (kind: string) => process.getActiveResourcesInfo().filter((resource) => resource === kind).length;

describe('SystemClock', () => {
  const clock = new SystemClock();

  it('keeps nothing of timers that were cancelled, each of another duration', () => {
    const before = heap();
    for (let index = 0; index < TIMERS; index += 1) clock.after(DAY_MS + index, () => undefined).cancel();
    for (let index = 0; index < TIMERS; index += 1) clock.every(DAY_MS - 1 - index, () => undefined).cancel();
    expect((heap() - before) / (2 * TIMERS)).toBeLessThan(40);
  });

  it('does not hold the process, before a cancel and after it, however often it comes', async () => {
    const before = heldBy('Timeout');
    const timers = [clock.after(DAY_MS, () => undefined), clock.every(DAY_MS, () => undefined)];
    expect(heldBy('Timeout')).toBe(before);
    await new Promise<void>((fired) => timers.push(clock.after(0, fired)));
    for (const timer of [...timers, ...timers]) timer.cancel();
    expect(heldBy('Timeout')).toBeLessThanOrEqual(before);
  });
});
