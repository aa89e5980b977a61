import { beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import { ManualClock } from '../testing/index.js';
import { FollowingHistory, HistoryBounds } from './following-history.js';
import type { EndedFollowing } from './following-records.js';

const HOUR_MS = 3_600_000;
const ONE = 'thread_one' as ThreadId;
const TWO = 'thread_two' as ThreadId;

let clock: ManualClock;
let metrics: Metrics;
let history: FollowingHistory;
let startedAt: number;
let bounds: HistoryBounds;

beforeEach(() => {
  clock = new ManualClock();
  metrics = new Metrics();
  startedAt = clock.now();
  bounds = Object.assign(new HistoryBounds(), { maxKept: 3 });
  history = new FollowingHistory(clock, metrics, bounds);
});

function end(threadId: ThreadId, connectionId: string): void {
  const closedAt = clock.now();
  const at = { stateSince: closedAt, openedAt: closedAt, flushedAt: null, closedAt, closedBy: 'released' as const };
  const view: EndedFollowing = {
    ...{ threadId, epoch: 'epoch', connectionId, userId: 'alice', state: 'closed', waitsForConnection: false, ...at },
    ...{ from: 0, resumed: false, position: 0, flushedThrough: 0, acknowledged: null, acknowledgedAt: null },
  };
  history.add(view);
}

const of = (threadId: ThreadId): string[] =>
  history.ofThread(threadId).followings.map(({ connectionId }) => connectionId);
const forgotten = (reason: string): Promise<number> =>
  metrics.value('threadcast_delivery_followings_forgotten_total', { reason });

describe('The history of followings', () => {
  it('is asked by thread and by connection, in the order in which they ended', () => {
    end(ONE, 'a');
    end(TWO, 'a');
    end(ONE, 'b');

    expect(of(ONE)).toEqual(['a', 'b']);
    expect(history.ofConnection('a', 10).map(({ threadId }) => threadId)).toEqual([ONE, TWO]);
    expect(history.ofConnection('a', 1).map(({ threadId }) => threadId)).toEqual([TWO]);
    expect(history.knownSince).toBe(startedAt);
  });

  it('forgets the oldest ones past its bound, says since when it knows, and counts', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      clock.advance(1_000);
      end(name === 'a' ? TWO : ONE, name);
    }

    expect(history.size).toBe(3);
    expect(of(ONE)).toEqual(['c', 'd', 'e']);
    expect(of(TWO)).toEqual([]);
    expect(history.knownSince).toBe(startedAt + 2_000);
    expect(await forgotten('full')).toBe(2);
    expect(await metrics.value('threadcast_delivery_followings_kept', {})).toBe(3);
  });

  it('keeps them for 24 hours', async () => {
    end(ONE, 'a');
    clock.advance(24 * HOUR_MS);
    end(ONE, 'b');
    expect(of(ONE)).toEqual(['a', 'b']);
    clock.advance(1);

    expect(of(ONE)).toEqual(['b']);
    expect(history.knownSince).toBe(startedAt);
    expect(await forgotten('old')).toBe(1);
    clock.advance(24 * HOUR_MS);
    expect(history.knownSince).toBe(startedAt + 24 * HOUR_MS);
    expect(history.size).toBe(0);
  });

  it('tells each as it was, over many that come and go', () => {
    bounds.maxKept = 10_000;
    const ended = (nth: number): EndedFollowing => ({
      ...{ threadId: nth % 3 === 0 ? ONE : TWO, epoch: `epoch ${nth % 2}`, connectionId: `c${Math.floor(nth / 2)}` },
      ...{ userId: `user ${nth % 5}`, state: 'closed', stateSince: startedAt + nth, waitsForConnection: nth % 2 === 0 },
      ...{ openedAt: startedAt, from: nth, resumed: nth % 7 === 0, position: 2 ** 40 + nth, flushedThrough: nth + 1 },
      ...{ flushedAt: nth % 2 === 0 ? null : nth, acknowledged: nth % 3 === 0 ? null : 0, acknowledgedAt: null },
      ...{ closedAt: startedAt + nth, closedBy: nth % 4 === 0 ? 'access_removed' : 'connection_closed' },
    });
    const all = Array.from({ length: 25_000 }, (_, nth) => ended(nth));
    for (const one of all) history.add(one);
    const kept = all.slice(-10_000);

    expect(history.ofThread(ONE).followings).toEqual(kept.filter(({ threadId }) => threadId === ONE));
    const ofUser = kept.filter(({ threadId, userId }) => threadId === TWO && userId === 'user 2');
    expect(history.ofThread(TWO, 'user 2')).toEqual({ followings: ofUser, knownSince: startedAt + 14_999 });
    expect(history.ofThread(TWO, 'nobody').followings).toEqual([]);
    expect(history.ofConnection('c12000', 10)).toEqual([all[24_000], all[24_001]]);
    expect(history.ofConnection('c5', 10)).toEqual([]);
  });

  it('shows so many of a user at a time, and says since when those are all', () => {
    bounds.maxKept = 100;
    bounds.maxShown = 2;
    for (const name of ['a', 'b', 'c', 'd']) {
      clock.advance(1_000);
      end(ONE, name);
    }

    expect(of(ONE)).toEqual(['c', 'd']);
    expect(history.ofThread(ONE).knownSince).toBe(startedAt + 2_000);
    expect(history.knownSince).toBe(startedAt);
  });

  it('forgets before its bound where names are long', async () => {
    bounds.maxKept = 1_000_000;
    bounds.maxBytes = 2_000_000;
    for (let nth = 0; nth < 5_000; nth += 1) end(ONE, `${nth}`.padEnd(1_000));

    expect(history.size).toBeGreaterThan(1_000);
    expect(history.size).toBeLessThan(2_000);
    expect(await forgotten('full')).toBe(5_000 - history.size);
  });

  it('keeps all of a moment in which everybody reconnects', () => {
    Object.assign(bounds, new HistoryBounds());
    for (let nth = 0; nth < 60_000; nth += 1) end(ONE, 'a');

    expect(history.size).toBe(60_000);
    expect(bounds.maxKept).toBe(1_000_000);
    expect(history.knownSince).toBe(startedAt);
  });
});
