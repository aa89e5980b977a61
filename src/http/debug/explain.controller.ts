import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { FollowingView } from '../../delivery/index.js';
import { parseThreadId, type ThreadId } from '../../ids/index.js';
import {
  Notices,
  Oversight,
  type EventFacts,
  type NoticeRecord,
  type Standing,
  type ThreadFacts,
} from '../../threads/index.js';
import { Describe } from '../describe.decorator.js';
import { Query } from '../query.decorator.js';
import { needed, text, wholeNumber, type Values } from '../query.js';
import { OnlyFor } from '../role.guard.js';
import { userId } from './debug-query.js';
import { EXPLAINED } from './explain-schemas.js';
import { explain, type Explanation, type Facts } from './explain.js';
import { Gathering, REMEMBERED_MS, type Gathered, type OfNode } from './gathering.js';

/** Followings that are shown, the last ones. */
const MOST_SHOWN = 100;

/** To a log that is not there. */
const NO_STANDING: Standing = { role: null, cursor: null, removal: null };

interface Explained extends Explanation, Standing {
  readonly threadId: ThreadId;
  readonly userId: string;
  readonly seq: number;
  readonly thread: ThreadFacts | null;
  /** The log that is asked about was deleted with its thread. */
  readonly logDeleted: boolean;
  readonly event: EventFacts | null;
  readonly notice: Pick<NoticeRecord, 'outcome' | 'settledAt'> | null;
  /** The user's on that log: present ones and remembered ones, in the order in which they began. */
  readonly followings: readonly OfNode<FollowingView>[];
  readonly followingsTotal: number;
  readonly knownSince: number | null;
  readonly nodes: readonly string[];
  readonly missingNodes: readonly string[];
}

const QUESTION = {
  threadId: needed(text('The thread.')),
  seq: needed(wholeNumber('The event’s.', { least: 1 })),
  userId: needed(userId('The user.')),
  epoch: text('Of the log that is meant; without it, the present one, or the last one that is remembered.'),
};

type Question = Values<typeof QUESTION> & { readonly threadId: ThreadId };

/** Why a user did, or did not, get an event. */
@Controller('debug/explain')
@OnlyFor('admin')
@ApiTags('Debug')
export class ExplainController {
  constructor(
    private readonly oversight: Oversight,
    private readonly notices: Notices,
    private readonly gathering: Gathering,
  ) {}

  @Get()
  @Describe({
    does: 'Tells why a user did, or did not, get an event.',
    answers: { 200: { says: 'What is known of it.', json: EXPLAINED } },
    refuses: ['invalid_id'],
  })
  async get(@Query(QUESTION) query: Values<typeof QUESTION>): Promise<Explained> {
    const { seq, userId } = query;
    const threadId = parseThreadId(query.threadId);
    const { gathered, ...facts } = await this.#facts({ ...query, threadId });
    const { followings, standing, notice, thread, logDeleted, event, knownSince } = facts;
    return {
      ...explain(facts),
      ...{ threadId, userId, seq, thread, logDeleted, event, ...standing },
      notice: notice === null ? null : { outcome: notice.outcome, settledAt: notice.settledAt },
      followings: followings.slice(-MOST_SHOWN),
      followingsTotal: followings.length,
      ...{ knownSince, nodes: gathered.nodes, missingNodes: gathered.missingNodes },
    };
  }

  /** What is durable is read first: the followings are then at least as far. */
  async #facts({ threadId, userId, seq, epoch }: Question): Promise<Facts & { gathered: Gathered<unknown> }> {
    const log = await this.#log(threadId, userId, seq, epoch);
    const gathered = await this.gathering.ask((view) => view.followings(threadId, userId), REMEMBERED_MS);
    const all = gathered.answers.flatMap(({ node, answer }) => answer.followings.map((one) => ({ node, ...one })));
    all.sort((one, other) => one.openedAt - other.openedAt);
    const meant = epoch ?? log.thread?.epoch ?? all.at(-1)?.epoch;
    const memories = gathered.answers.map(({ answer }) => answer.knownSince);
    return {
      ...{ seq, gathered, ...log },
      followings: all.filter((following) => following.epoch === meant),
      knownSince: memories.length === 0 ? null : Math.max(...memories),
      missingNodes: gathered.missingNodes,
    };
  }

  async #log(threadId: ThreadId, userId: string, seq: number, epoch: string | undefined) {
    const thread = await this.oversight.thread(threadId);
    if (thread !== null && (epoch === undefined || epoch === thread.epoch)) {
      const [standing, event, notice] = await Promise.all([
        this.oversight.standing(threadId, userId),
        this.oversight.event(threadId, thread.epoch, seq),
        this.notices.find(threadId, seq, userId),
      ]);
      // Deleted between the two readings.
      const gone = event === null && seq <= thread.head;
      if (!gone) return { thread, logDeleted: false, standing, event, notice };
    }
    const logDeleted = thread !== null || (await this.oversight.deletedFrom(threadId)) !== null;
    return { thread: null, logDeleted, standing: NO_STANDING, event: null, notice: null };
  }
}
