import {
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Query as QueryOf,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { Response } from 'express';

import type { Principal } from '../identity/index.js';
import { parseThreadId } from '../ids/index.js';
import { ThreadsService } from '../threads/index.js';
import { BearerGuard } from './bearer.guard.js';
import { Fields } from './fields.decorator.js';
import { Query } from './query.js';
import { CreateThreadFields, UpdateThreadFields } from './thread-fields.js';
import { ThreadViews, type ThreadView } from './thread-views.js';
import { User } from './user.decorator.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** Threads of the caller: own ones, and those shared with them. */
@Controller('api/threads')
@UseGuards(BearerGuard)
export class ThreadsController {
  constructor(
    private readonly threads: ThreadsService,
    private readonly views: ThreadViews,
  ) {}

  /** 201, or 200 for an id of the caller's own again. */
  @Post()
  async create(
    @User() { userId }: Principal,
    @Fields(CreateThreadFields) { threadId, title, metadata }: CreateThreadFields,
    @Res({ passthrough: true }) res: Response,
  ): Promise<ThreadView & { duplicate: boolean }> {
    const created = await this.threads.create(userId, {
      ...(typeof threadId === 'string' ? { threadId: parseThreadId(threadId) } : {}),
      title: title ?? null,
      metadata: metadata ?? {},
    });
    res.status(created.duplicate ? 200 : 201);
    return { ...(await this.views.get(userId, created.threadId)), duplicate: created.duplicate };
  }

  @Get()
  async list(
    @User() { userId }: Principal,
    @QueryOf() parameters: Record<string, unknown>,
  ): Promise<{ threads: ThreadView[]; nextCursor: string | null }> {
    const query = new Query(parameters);
    const limit = query.integer('limit', { least: 1, cap: MAX_LIMIT }) ?? DEFAULT_LIMIT;
    const cursor = query.text('cursor') ?? null;
    query.check();
    const { threads, nextCursor } = await this.threads.list(userId, { limit, cursor });
    return { threads: await Promise.all(threads.map((thread) => this.views.of(userId, thread))), nextCursor };
  }

  @Get(':threadId')
  get(@User() { userId }: Principal, @Param('threadId') id: string): Promise<ThreadView> {
    return this.views.get(userId, parseThreadId(id));
  }

  @Patch(':threadId')
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
  remove(@User() { userId }: Principal, @Param('threadId') id: string): Promise<void> {
    return this.threads.remove(userId, parseThreadId(id));
  }
}
