import { describe, expect, it } from '@jest/globals';

import { Smallest } from './smallest.js';

describe('The smallest of many', () => {
  it('are those of all that were given, in order, and few are held', () => {
    let most = 0;
    const compare = (one: number, other: number): number => one - other;
    const smallest = new Smallest<number>(3, compare);
    const given = Array.from({ length: 1_000 }, (_, nth) => (nth * 7_919) % 1_000);
    for (const item of given) {
      smallest.add(item);
      most = Math.max(most, smallest.size);
    }

    expect(smallest.sorted()).toEqual([0, 1, 2]);
    expect(most).toBeLessThanOrEqual(6);
  });
});
