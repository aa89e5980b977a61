import { describe, expect, it } from '@jest/globals';

import type { FollowingView } from '../../delivery/index.js';
import { fitting } from './fitting-followings.js';

const SIZE = 100;

/** A following that is about so long; `closedAt` null: a present one. */
function following(openedAt: number, closedAt: number | null): FollowingView {
  const made = { openedAt, closedAt, userId: '' };
  const userId = 'x'.repeat(SIZE - JSON.stringify(made).length);
  return { ...made, userId } as unknown as FollowingView;
}

describe('What a node tells another one of followings', () => {
  const [old, present, middle, last] = [following(1, 50), following(2, null), following(3, 40), following(4, 90)];
  const followings = [old, present, middle, last];

  it('is all of it where that fits', () => {
    expect(fitting({ followings, knownSince: 7 })).toEqual({ followings, knownSince: 7 });
  });

  it('is else the present ones and those that ended last, and the rest counts as forgotten', () => {
    expect(fitting({ followings, knownSince: 7 }, 2 * SIZE)).toEqual({
      followings: [old, present, last],
      knownSince: 40,
    });
    expect(fitting({ followings, knownSince: 7 }, 0)).toEqual({ followings: [present], knownSince: 90 });
  });
});
