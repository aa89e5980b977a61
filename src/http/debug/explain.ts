import type { FollowingView } from '../../delivery/index.js';
import type { EventFacts, NoticeRecord, Standing, ThreadFacts } from '../../threads/index.js';
import type { OfNode } from './gathering.js';

/** What may have become of an event for a user. */
export const OUTCOMES = [
  'acknowledged',
  'sent',
  'behind',
  'not_following',
  'no_access',
  'notified',
  'not_appended',
  'unknown',
] as const;

type Outcome = (typeof OUTCOMES)[number];

export interface Explanation {
  readonly outcome: Outcome;
  /** One sentence for people. */
  readonly reason: string;
}

/** All that is known of an event and a user. */
export interface Facts {
  readonly seq: number;
  /** Null: it is not there, or its present log is not the one that is asked about. */
  readonly thread: ThreadFacts | null;
  /** The log that is asked about is not there any more: the thread was deleted, and perhaps made again. */
  readonly logDeleted: boolean;
  readonly event: EventFacts | null;
  readonly standing: Standing;
  /** Of this event to this user. */
  readonly notice: NoticeRecord | null;
  /** The user's on this log, present ones and remembered ones. */
  readonly followings: readonly OfNode<FollowingView>[];
  /** Unix ms: what ended before it may be forgotten. Null: nobody has answered. */
  readonly knownSince: number | null;
  /** Nodes that were not heard. */
  readonly missingNodes: readonly string[];
}

/** A rule: its explanation where it applies. The first that does is the answer. */
type Rule = (facts: Facts) => Explanation | null;

const RULES: readonly Rule[] = [
  neverThere,
  acknowledged,
  sent,
  received,
  deleted,
  withoutAccess,
  behind,
  notified,
  beforeMemory,
  unheard,
];

/** Why the user did, or did not, get the event. What has happened goes before what is true now. */
export function explain(facts: Facts): Explanation {
  for (const rule of RULES) {
    const explanation = rule(facts);
    if (explanation !== null) return explanation;
  }
  return notFollowing(facts);
}

function neverThere({ seq, thread, logDeleted }: Facts): Explanation | null {
  if (logDeleted) return null;
  if (thread === null) return { outcome: 'not_appended', reason: 'There is no such thread.' };
  if (seq <= thread.head) return null;
  return { outcome: 'not_appended', reason: `The log ends at ${thread.head}: there is no event ${seq} yet.` };
}

function acknowledged({ seq, standing: { cursor } }: Facts): Explanation | null {
  if (cursor === null || cursor.seq < seq) return null;
  return { outcome: 'acknowledged', reason: `The user has acknowledged everything up to ${cursor.seq}.` };
}

function sent({ seq, followings, notice }: Facts): Explanation | null {
  const covering = followings.filter(({ from, position }) => from < seq && seq <= position);
  const flushed = covering.find(({ flushedThrough }) => seq <= flushedThrough);
  const to = flushed ?? covering[0];
  if (to === undefined) return null;
  const left = flushed === undefined ? '; whether it has left the process is not certain' : ' and has left the process';
  const told = notice?.outcome === 'notified' ? '; nothing showed that it came, so the offline notifier was told' : '';
  return { outcome: 'sent', reason: `It was handed to ${to.connectionId}${left}${told}.` };
}

function received({ notice }: Facts): Explanation | null {
  if (notice?.outcome !== 'received') return null;
  return { outcome: 'sent', reason: 'A connection of the user that followed has shown that the event came to it.' };
}

function deleted({ logDeleted }: Facts): Explanation | null {
  if (!logDeleted) return null;
  const reason = 'That log is gone, and with it what could tell; no following that is remembered was sent the event.';
  return { outcome: 'unknown', reason };
}

function withoutAccess({ seq, standing: { role, removal } }: Facts): Explanation | null {
  if (role !== null || (removal !== null && seq < removal.seq)) return null;
  const reason =
    removal === null
      ? 'The user is neither the owner of the thread nor a member.'
      : `The user was removed from the thread by event ${removal.seq}.`;
  return { outcome: 'no_access', reason };
}

function behind({ seq, followings }: Facts): Explanation | null {
  const waiting = followings.filter(({ state, from }) => state !== 'closed' && from < seq);
  const open = waiting.sort((one, other) => other.position - one.position)[0];
  if (open === undefined) return null;
  const why = open.waitsForConnection ? 'its connection does not take more at the moment' : `it is ${open.state}`;
  const reason = `${open.connectionId} follows the thread and is at ${open.position}: ${why}.`;
  return { outcome: 'behind', reason };
}

function notified({ notice }: Facts): Explanation | null {
  if (notice?.outcome !== 'notified') return null;
  return { outcome: 'notified', reason: 'No connection of the user was there, and the offline notifier was told.' };
}

function beforeMemory({ event, knownSince, followings, seq }: Facts): Explanation | null {
  if (knownSince === null || (event !== null && event.time > knownSince)) return null;
  const reason = `The event is older than what is remembered of followings, which begins at ${toIso(knownSince)}${claim(followings, seq)}.`;
  return { outcome: 'unknown', reason };
}

function unheard({ missingNodes, followings, seq }: Facts): Explanation | null {
  if (missingNodes.length === 0) return null;
  const reason = `Not all nodes have answered: what they know is missing${claim(followings, seq)}.`;
  return { outcome: 'unknown', reason };
}

function notFollowing({ seq, followings, standing, notice }: Facts): Explanation {
  const since = [
    claim(followings, seq),
    notice?.outcome === 'told' ? '; a connection that follows other threads was told by `thread_activity`' : '',
    standing.role === null ? '; the user has lost access since' : '',
  ].join('');
  return { outcome: 'not_following', reason: `${whyNotFollowing(followings, seq)}${since}.` };
}

function whyNotFollowing(followings: readonly OfNode<FollowingView>[], seq: number): string {
  const ended = followings.findLast(({ from }) => from < seq);
  if (ended !== undefined) {
    return `The following of ${ended.connectionId} ended at ${ended.position} (${String(ended.closedBy)}), none went on from there`;
  }
  if (followings.length === 0) return 'No connection of the user has followed the thread since the event';
  return 'Every following of the user began after the event';
}

/** A client that resumes at a position says that it has what is up to there, from wherever. */
function claim(followings: readonly OfNode<FollowingView>[], seq: number): string {
  const resumed = followings.findLast((following) => following.resumed && following.from >= seq);
  if (resumed === undefined) return '';
  return `; but ${resumed.connectionId} has asked for what comes after ${resumed.from}, as one that has what is before`;
}

function toIso(time: number): string {
  return new Date(time).toISOString();
}
