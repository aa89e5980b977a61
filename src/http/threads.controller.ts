import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';

import type { Principal } from '../identity/index.js';
import { parseThreadId } from '../ids/index.js';
import { ThreadsService } from '../threads/index.js';
import { Describe } from './describe.decorator.js';
import { Fields } from './fields.decorator.js';
import { ForUsers } from './for-users.decorator.js';
import { Query } from './query.decorator.js';
import { text, wholeNumber, type Values } from './query.js';
import { CreateThreadFields, UpdateThreadFields } from './thread-fields.js';
import { THREAD_VIEW, ThreadViews, type ThreadView } from './thread-views.js';
import { User } from './user.decorator.js';

const DEFAULT_LIMIT = 100;

const LIST_QUERY = {
  limit: wholeNumber('The most threads of one page.', { least: 1, cap: 1_000, otherwise: DEFAULT_LIMIT }),
  cursor: text('`nextCursor` of the page before.'),
};

const CREATED_THREAD = THREAD_VIEW.extend({ duplicate: z.boolean() }).meta({ id: 'CreatedThread' });
const THREAD_LIST = z.object({
  threads: z.array(THREAD_VIEW),
  nextCursor: z.string().nullable().describe('Null on the last page.'),
});

/** Threads of the caller: own ones, and those shared with them. */
@Controller('api/threads')
@ForUsers()
@ApiTags('Threads')
export class ThreadsController {
  constructor(
    private readonly threads: ThreadsService,
    private readonly views: ThreadViews,
  ) {}

  /** 201, or 200 for an id of the caller's own again. */
  @Post()
  @Describe({
    does: 'Makes a thread.',
    answers: {
      201: { says: 'It was made.', json: CREATED_THREAD },
      200: { says: 'It is the caller’s already: nothing was changed.', json: CREATED_THREAD },
    },
    refuses: ['invalid_id', 'already_exists'],
  })
  async create(
    @User() { userId }: Principal,
    @Fields(CreateThreadFields) { threadId, title, metadata }: CreateThreadFields,
    @Res({ passthrough: true }) res: Response,
  ): Promise<z.infer<typeof CREATED_THREAD>> {
    const created = await this.threads.create(userId, {
      ...(typeof threadId === 'string' ? { threadId: parseThreadId(threadId) } : {}),
      title: title ?? null,
      metadata: metadata ?? {},
    });
    res.status(created.duplicate ? 200 : 201);
    return { ...(await this.views.get(userId, created.threadId)), duplicate: created.duplicate };
  }

  @Get()
  @Describe({
    does: 'Lists the caller’s own threads and those shared with them, last updated first.',
    answers: { 200: { says: 'A page of them.', json: THREAD_LIST } },
  })
  async list(
    @User() { userId }: Principal,
    @Query(LIST_QUERY) { limit = DEFAULT_LIMIT, cursor }: Values<typeof LIST_QUERY>,
  ): Promise<z.infer<typeof THREAD_LIST>> {
    const { threads, nextCursor } = await this.threads.list(userId, { limit, cursor: cursor ?? null });
    return { threads: await Promise.all(threads.map((thread) => this.views.of(userId, thread))), nextCursor };
  }

  @Get(':threadId')
  @Describe({ does: 'Shows a thread.', answers: { 200: { says: 'The thread.', json: THREAD_VIEW } } })
  get(@User() { userId }: Principal, @Param('threadId') id: string): Promise<ThreadView> {
    return this.views.get(userId, parseThreadId(id));
  }

  @Patch(':threadId')
  @Describe({
    does: 'Changes a thread’s title or metadata; for its owner.',
    details: 'Told in the log as `thread_updated`.',
    answers: { 200: { says: 'The thread as it is now.', json: THREAD_VIEW } },
    refuses: ['forbidden'],
  })
  async update(
    @User() { userId }: Principal,
    @Param('threadId') id: string,
    @Fields(UpdateThreadFields) { title, metadata }: UpdateThreadFields,
  ): Promise<ThreadView> {
    const threadId = parseThreadId(id);
    await this.threads.update(userId, threadId, {
      ...(title === undefined ? {} : { title }),
      ...(metadata === undefined ? {} : { metadata }),
    });
    return this.views.get(userId, threadId);
  }

  @Delete(':threadId')
  @HttpCode(204)
  @Describe({
    does: 'Deletes a thread; for its owner.',
    details:
      'Cancels its runs, ends its streams and erases its content. Only the same owner can make the id again, with ' +
      'another epoch; the thread’s old runs are answered `run_ended`.',
    answers: { 204: { says: 'It is gone.' } },
    refuses: ['forbidden'],
  })
  remove(@User() { userId }: Principal, @Param('threadId') id: string): Promise<void> {
    return this.threads.remove(userId, parseThreadId(id));
  }
}
