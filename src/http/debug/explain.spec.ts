import { describe, expect, it } from '@jest/globals';

import type { FollowingView } from '../../delivery/index.js';
import type { RunId, ThreadId } from '../../ids/index.js';
import type { NoticeRecord, Standing } from '../../threads/index.js';
import { explain, type Facts } from './explain.js';
import type { OfNode } from './gathering.js';

const threadId = 'thread_a' as ThreadId;
const MEMBER: Standing = { role: 'member', cursor: null, removal: null };
const SEQ = 7;

/** Of an event 7 of 9, appended at 5 000, when all was remembered from 1 000 on. */
function facts(changes: Partial<Facts> = {}): Facts {
  return {
    seq: SEQ,
    thread: { threadId, epoch: 'epoch', ownerId: 'alice', members: 1, head: 9, createdAt: 1, updatedAt: 1 },
    logDeleted: false,
    event: { seq: SEQ, type: 'agent_completed', runId: null, time: 5_000 },
    standing: MEMBER,
    notice: null,
    followings: [],
    knownSince: 1_000,
    missingNodes: [],
    ...changes,
  };
}

function following(changes: Partial<FollowingView>): OfNode<FollowingView> {
  return {
    ...{ node: 'node_1', threadId, epoch: 'epoch', connectionId: 'conn_1', userId: 'bob' },
    ...{
      state: 'live',
      stateSince: 1,
      waitsForConnection: false,
      openedAt: 1,
      from: 0,
      resumed: false,
      position: 9,
      flushedThrough: 9,
    },
    ...{ flushedAt: null, acknowledged: null, acknowledgedAt: null, closedAt: null, closedBy: null },
    ...changes,
  };
}

function notice(outcome: NoticeRecord['outcome']): NoticeRecord {
  const runId = 'run' as RunId;
  return {
    ...{ threadId, seq: SEQ, runId, userId: 'bob', type: 'agent_completed', time: 5_000, epoch: 'epoch' },
    ...{ node: null, outcome, settledAt: 6_000 },
  };
}

const closed = { state: 'closed', closedAt: 2, closedBy: 'released' } as const;
const removedAt = (seq: number): Standing => ({ role: null, cursor: null, removal: { seq, time: 1 } });
const outcome = (changes: Partial<Facts>): string => explain(facts(changes)).outcome;
const reason = (changes: Partial<Facts>): string => explain(facts(changes)).reason;

describe('An explanation', () => {
  it('begins with whether there is such an event', () => {
    expect(outcome({ seq: 10, event: null, followings: [following({ position: 6 })] })).toBe('not_appended');
    expect(outcome({ thread: null, event: null })).toBe('not_appended');
    expect(outcome({ thread: null, event: null, logDeleted: true })).toBe('unknown');
    expect(outcome({ thread: null, event: null, logDeleted: true, followings: [following(closed)] })).toBe('sent');
  });

  it('takes what the user has acknowledged for the strongest, then what was sent, whatever has changed since', () => {
    const cursor = { userId: 'bob', seq: 7, time: 1 };
    const sent = [following({})];
    expect(outcome({ standing: { ...MEMBER, cursor }, followings: sent })).toBe('acknowledged');
    expect(outcome({ standing: { ...MEMBER, cursor: { ...cursor, seq: 6 } }, followings: sent })).toBe('sent');
    expect(outcome({ standing: removedAt(8), followings: sent })).toBe('sent');
    expect(outcome({ followings: sent, knownSince: 9_000, missingNodes: ['node_2'] })).toBe('sent');
    expect(outcome({ notice: notice('received'), knownSince: 9_000 })).toBe('sent');
  });

  it('counts a following as one that sent it exactly from where it began to where it is', () => {
    expect(outcome({ followings: [following({ from: 6, position: 7 })] })).toBe('sent');
    expect(outcome({ followings: [following({ from: 7, position: 9 })] })).toBe('not_following');
    expect(outcome({ followings: [following({ from: 6, position: 6 })] })).toBe('behind');
    expect(outcome({ followings: [following({ ...closed, from: 6, position: 6 })] })).toBe('not_following');
  });

  it('prefers the following of which all has left, and says of the other that it is not certain', () => {
    const stuck = following({ connectionId: 'conn_stuck', flushedThrough: 6 });
    expect(reason({ followings: [stuck, following({})] })).toBe('It was handed to conn_1 and has left the process.');
    expect(reason({ followings: [stuck], notice: notice('notified') })).toBe(
      'It was handed to conn_stuck; whether it has left the process is not certain; ' +
        'nothing showed that it came, so the offline notifier was told.',
    );
  });

  it('knows the time in which a user had access', () => {
    expect(outcome({ standing: removedAt(7) })).toBe('no_access');
    expect(outcome({ standing: removedAt(6) })).toBe('no_access');
    expect(outcome({ standing: removedAt(8) })).toBe('not_following');
    expect(outcome({ standing: { ...MEMBER, removal: { seq: 6, time: 1 } } })).toBe('not_following');
    expect(outcome({ standing: { role: null, cursor: null, removal: null } })).toBe('no_access');
  });

  it('names the following that is nearest, and what keeps it', () => {
    const far = following({ connectionId: 'conn_far', position: 2 });
    expect(reason({ followings: [far, following({ state: 'behind', waitsForConnection: true, position: 6 })] })).toBe(
      'conn_1 follows the thread and is at 6: its connection does not take more at the moment.',
    );
    expect(reason({ followings: [{ ...far, state: 'replaying' }] })).toMatch('is at 2: it is replaying.');
    expect(outcome({ followings: [far], notice: notice('notified') })).toBe('behind');
  });

  it('says that nobody followed only where that is known', () => {
    expect(outcome({ knownSince: 4_999 })).toBe('not_following');
    expect(outcome({ knownSince: 5_000 })).toBe('unknown');
    expect(outcome({ missingNodes: ['node_2'] })).toBe('unknown');
    expect(outcome({ missingNodes: ['node_1'], knownSince: null })).toBe('unknown');
    expect(outcome({ missingNodes: ['node_2'], notice: notice('notified') })).toBe('notified');
    expect(outcome({ notice: notice('unnotified') })).toBe('not_following');
    expect(outcome({ notice: notice(null) })).toBe('not_following');
  });

  it('adds what else is known of a user who did not follow', () => {
    const resumed = following({ from: 8, resumed: true });
    const ended = following({ ...closed, connectionId: 'conn_0', position: 5 });
    expect(reason({ followings: [ended, resumed], standing: removedAt(8), notice: notice('told') })).toBe(
      'The following of conn_0 ended at 5 (released), none went on from there; ' +
        'but conn_1 has asked for what comes after 8, as one that has what is before; ' +
        'a connection that follows other threads was told by `thread_activity`; the user has lost access since.',
    );
  });
});
