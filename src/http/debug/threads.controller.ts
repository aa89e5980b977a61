import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { ExecutionView } from '../../agents/index.js';
import type { ChannelView, FollowingView } from '../../delivery/index.js';
import { ThreadcastError } from '../../errors/index.js';
import { parseThreadId, type ThreadId } from '../../ids/index.js';
import { Oversight, type RunPlace, type ThreadFacts, type UserCursor } from '../../threads/index.js';
import { Describe } from '../describe.decorator.js';
import { Query } from '../query.decorator.js';
import { text, type Values } from '../query.js';
import { OnlyFor } from '../role.guard.js';
import { DEFAULT_LIMIT, LIMIT, pageOf } from './debug-query.js';
import { Gathering, type OfNode } from './gathering.js';
import { THREAD_STATE } from './state-schemas.js';

interface ThreadState {
  /** As a user calls `GET /api/threads/:id`, without its content. */
  readonly thread: ThreadFacts;
  /** The nodes where somebody follows it. */
  readonly channels: readonly OfNode<ChannelView>[];
  readonly followers: readonly OfNode<FollowingView>[];
  readonly followersTotal: number;
  readonly cursors: readonly UserCursor[];
  /** Not ended: those begun, then the queued ones in their order. */
  readonly runs: readonly (RunPlace & { readonly execution: OfNode<ExecutionView> | null })[];
  readonly runsTotal: number;
  /** Ended or not, the one made last first. */
  readonly latestRuns: readonly RunPlace[];
  /** Where the pages of followers and of cursors go on. */
  readonly next: { readonly followersAfter: string | null; readonly cursorsAfter: string | null };
  readonly nodes: readonly string[];
  readonly missingNodes: readonly string[];
}

const PAGES = {
  limit: LIMIT,
  followersAfter: text('`next.followersAfter` of the page before.'),
  cursorsAfter: text('`next.cursorsAfter` of the page before.'),
};

type Asked = Values<typeof PAGES> & { readonly limit: number };

/** A thread as it stands: its log, who follows it and how far, and its runs. */
@Controller('debug/threads')
@OnlyFor('admin')
@ApiTags('Debug')
export class ThreadStatesController {
  constructor(
    private readonly oversight: Oversight,
    private readonly gathering: Gathering,
  ) {}

  @Get(':threadId')
  @Describe({
    does: 'Shows how a thread stands: its log, who follows it and how far, its runs; without content.',
    answers: { 200: { says: 'The thread.', json: THREAD_STATE } },
  })
  async get(@Param('threadId') id: string, @Query(PAGES) query: Values<typeof PAGES>): Promise<ThreadState> {
    const threadId = parseThreadId(id);
    const asked = { ...query, limit: query.limit ?? DEFAULT_LIMIT };
    const thread = await this.oversight.thread(threadId);
    if (thread === null) throw await this.#absent(threadId);
    const [{ next: followersAfter, ...followers }, { next: cursorsAfter, cursors }, runs, latestRuns] =
      await Promise.all([
        this.#followers(threadId, asked),
        this.#cursors(threadId, asked),
        this.#runs(threadId, asked),
        this.oversight.latestRuns(threadId, asked.limit),
      ]);
    return { thread, ...followers, cursors, ...runs, latestRuns, next: { followersAfter, cursorsAfter } };
  }

  /** An admin may know that there was one. */
  async #absent(threadId: ThreadId): Promise<ThreadcastError> {
    const ownerId = await this.oversight.deletedFrom(threadId);
    if (ownerId === null) return new ThreadcastError('thread_not_found');
    return new ThreadcastError('thread_not_found', {
      message: 'The thread was deleted, and what was in it with it.',
      details: { deleted: true, ownerId },
    });
  }

  async #followers(threadId: ThreadId, { limit, followersAfter }: Asked) {
    const page = { limit: limit + 1, ...(followersAfter === undefined ? {} : { after: followersAfter }) };
    const { answers, ...nodes } = await this.gathering.ask((view) => view.followers(threadId, page));
    const channels = answers.flatMap(({ node, answer: { channel } }) => (channel === null ? [] : { node, ...channel }));
    const found = answers.flatMap(({ node, answer }) => answer.followers.map((follower) => ({ node, ...follower })));
    const { page: followers, nextCursor } = pageOf(found, limit, ({ connectionId }) => connectionId);
    const counts = channels.flatMap((channel) => Object.values(channel.followers));
    const followersTotal = counts.reduce((sum, count) => sum + count, 0);
    return { channels, followers, followersTotal, next: nextCursor, ...nodes };
  }

  async #cursors(threadId: ThreadId, { limit, cursorsAfter }: Asked) {
    const found = await this.oversight.cursors(threadId, { after: cursorsAfter ?? null, limit: limit + 1 });
    const cursors = found.slice(0, limit);
    return { cursors, next: found.length > limit ? (cursors.at(-1)?.userId ?? null) : null };
  }

  async #runs(threadId: ThreadId, { limit }: Asked) {
    const unfinished = await this.oversight.unfinishedRuns(threadId);
    const shown = unfinished.slice(0, limit);
    const { answers } = await this.gathering.ask((view) => view.runs(shown.map(({ runId }) => runId)));
    const executions = answers.flatMap(({ node, answer }) => answer.map((execution) => ({ node, ...execution })));
    const runs = shown.map((run) => {
      return { ...run, execution: executions.find(({ runId }) => runId === run.runId) ?? null };
    });
    return { runs, runsTotal: unfinished.length };
  }
}
