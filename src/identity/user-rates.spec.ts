import { describe, expect, it } from '@jest/globals';

import { UserRates } from './index.js';

/** How many of so many requests at once are taken. */
function taken(rates: UserRates, userId: string, asked: number): number {
  let count = 0;
  for (let n = 0; n < asked; n += 1) {
    try {
      rates.take(userId);
      count += 1;
    } catch (error) {
      expect(error).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) });
    }
  }
  return count;
}

describe('The rate of a user', () => {
  it('is a burst, and then so many a second; others have their own', () => {
    const rates = new UserRates({ perSecond: 1, burst: 5 });

    expect(taken(rates, 'alice', 50)).toBe(5);
    expect(taken(rates, 'bob', 50)).toBe(5);
    expect(taken(rates, 'alice', 1)).toBe(0);
  });

  it('says when to ask again', () => {
    const rates = new UserRates({ perSecond: 2, burst: 1 });
    rates.take('alice');

    expect(() => rates.take('alice')).toThrow(expect.objectContaining({ retryAfterMs: expect.any(Number) }));
    try {
      rates.take('alice');
    } catch (error) {
      const { retryAfterMs } = error as { retryAfterMs: number };
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(500);
    }
  });

  it('is remembered of a bounded number of users: of those who asked last', () => {
    const rates = new UserRates({ perSecond: 1, burst: 1 }, 3);
    for (const userId of ['a', 'b', 'c']) rates.take(userId);
    expect(taken(rates, 'a', 1)).toBe(0);
    rates.take('d');
    expect(rates.size).toBe(3);

    expect(taken(rates, 'a', 1)).toBe(0);
    expect(taken(rates, 'b', 1)).toBe(1);
    for (let n = 0; n < 10_000; n += 1) rates.take(`user ${n}`);
    expect(rates.size).toBe(3);
  });

  it('knows no user whose name means something to objects', () => {
    const rates = new UserRates({ perSecond: 1, burst: 2 });

    for (const userId of ['__proto__', 'constructor', 'toString', '']) expect(taken(rates, userId, 9)).toBe(2);
  });
});
