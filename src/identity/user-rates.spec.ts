import { describe, expect, it } from '@jest/globals';

import { NoSharedBudgets, UserBudgets, type Budget, type Spending } from '../cluster/index.js';
import { ManualClock } from '../testing/manual-clock.js';
import { UserRates, type UserRate } from './index.js';

function alone(rate: UserRate, mostUsers?: number): UserRates {
  return new UserRates(rate, new NoSharedBudgets(), new ManualClock(), mostUsers);
}

/** The bucket that nodes share, at a time that stands still. */
class SharedBucket extends UserBudgets {
  override readonly isShared = true;
  readonly told: Spending[] = [];
  isReachable = true;
  level: number | null = null;

  override spend(spent: readonly Spending[], { burst }: Budget): Promise<readonly number[] | null> {
    if (!this.isReachable) return Promise.resolve(null);
    this.told.push(...spent);
    return Promise.resolve(
      spent.map(({ tokens }) => {
        this.level = (this.level ?? burst) - tokens;
        return this.level;
      }),
    );
  }
}

/** What was spent is told, and what is left is heard. */
async function toldBy(...clocks: ManualClock[]): Promise<void> {
  for (const clock of clocks) {
    clock.advance(50);
    await new Promise<void>((resolve) => clock.soon(resolve));
  }
}

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
    const rates = alone({ perSecond: 1, burst: 5 });

    expect(taken(rates, 'alice', 50)).toBe(5);
    expect(taken(rates, 'bob', 50)).toBe(5);
    expect(taken(rates, 'alice', 1)).toBe(0);
  });

  it('says when to ask again', () => {
    const rates = alone({ perSecond: 2, burst: 1 });
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
    const rates = alone({ perSecond: 1, burst: 1 }, 3);
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
    const rates = alone({ perSecond: 1, burst: 2 });

    for (const userId of ['__proto__', 'constructor', 'toString', '']) expect(taken(rates, userId, 9)).toBe(2);
  });

  describe('over several nodes', () => {
    const rate = { perSecond: 0.001, burst: 100 };

    function nodes(shown = rate) {
      const bucket = new SharedBucket();
      const clocks = [new ManualClock(), new ManualClock()] as const;
      const [one, other] = [new UserRates(shown, bucket, clocks[0]), new UserRates(shown, bucket, clocks[1])];
      return { bucket, clocks, one, other };
    }

    it('is one burst, once they know of each other', async () => {
      const { one, other, clocks, bucket } = nodes();
      expect(taken(one, 'alice', 70)).toBe(70);
      await toldBy(...clocks);
      expect(taken(other, 'alice', 1)).toBe(1);
      await toldBy(...clocks);
      expect(taken(other, 'alice', 100)).toBe(29);
      await toldBy(...clocks);
      expect(taken(one, 'alice', 1)).toBe(1);
      await toldBy(...clocks);
      expect(taken(one, 'alice', 100)).toBe(0);
      expect(bucket.told.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(101);
    });

    it('is never larger on one node than without the others, whatever they say', async () => {
      const { one, clocks, bucket } = nodes();
      expect(taken(one, 'alice', 90)).toBe(90);
      bucket.level = 1_000;
      await toldBy(...clocks);
      expect(taken(one, 'alice', 100)).toBe(10);
    });

    it('is that of this node while the others cannot be reached, and what was spent then is forgotten', async () => {
      const { one, other, clocks, bucket } = nodes();
      bucket.isReachable = false;
      expect([taken(one, 'alice', 200), taken(other, 'alice', 50)]).toEqual([100, 50]);
      await toldBy(...clocks);
      bucket.isReachable = true;
      expect(taken(other, 'alice', 1)).toBe(1);
      await toldBy(...clocks);
      expect(bucket.told).toEqual([{ userId: 'alice', tokens: 1 }]);
      expect(taken(other, 'alice', 100)).toBe(49);
    });

    it('tells nothing of who asks seldom', async () => {
      const { one, bucket, clocks } = nodes({ perSecond: 1, burst: 400 });
      taken(one, 'alice', 3);
      await toldBy(...clocks);
      expect(bucket.told).toEqual([]);
      taken(one, 'alice', 1);
      await toldBy(...clocks);
      expect(bucket.told).toEqual([{ userId: 'alice', tokens: 4 }]);
    });
  });
});
