import type { FollowingView, FollowingsView } from '../../delivery/index.js';

/** Characters of what a node tells another one of followings. Below what the bus carries as one answer. */
const MOST_CHARS = 2_000_000;

/** The present followings, and of the ended ones the newest that fit. The others are told as forgotten: by `knownSince`. */
export function fitting({ followings, knownSince }: FollowingsView, mostChars = MOST_CHARS): FollowingsView {
  const kept = new Set(followings.filter(({ closedAt }) => closedAt === null));
  const ended = followings.filter(({ closedAt }) => closedAt !== null).sort((one, other) => endOf(other) - endOf(one));
  let chars = 0;
  for (const following of ended) {
    chars += JSON.stringify(following).length;
    if (chars > mostChars)
      return { followings: followings.filter((one) => kept.has(one)), knownSince: endOf(following) };
    kept.add(following);
  }
  return { followings, knownSince };
}

function endOf({ closedAt }: FollowingView): number {
  return closedAt ?? 0;
}
