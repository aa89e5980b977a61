import { Injectable } from '@nestjs/common';
import { z } from 'zod';

import type { ThreadId } from '../ids/index.js';
import { JSON_OBJECT } from '../protocol/index.js';
import { ThreadsService, type ThreadRecord } from '../threads/index.js';

/** A thread as one of its users sees it. */
export const THREAD_VIEW = z
  .object({
    threadId: z.string(),
    title: z.string().nullable(),
    metadata: JSON_OBJECT,
    ownerId: z.string(),
    members: z.array(z.string()).readonly(),
    head: z.int().min(0).describe('The last seq of its log.'),
    epoch: z.string().describe('The mark of its log.'),
    cursor: z.int().min(0).describe('How far you have acknowledged.'),
    activeRuns: z.int().min(0).describe('How many runs have not ended.'),
    createdAt: z.int().describe('Unix ms.'),
    updatedAt: z.int().describe('Unix ms.'),
  })
  .meta({ id: 'Thread' });

export type ThreadView = z.infer<typeof THREAD_VIEW>;

/** Shows threads to their users. */
@Injectable()
export class ThreadViews {
  constructor(private readonly threads: ThreadsService) {}

  /** Rejects with `thread_not_found`. */
  async get(userId: string, threadId: ThreadId): Promise<ThreadView> {
    return this.of(userId, await this.threads.get(userId, threadId));
  }

  /** The user's access has been checked. */
  async of(userId: string, thread: ThreadRecord): Promise<ThreadView> {
    const { threadId, title, metadata, ownerId, members, head, epoch, createdAt, updatedAt } = thread;
    const [cursor, activeRuns] = await Promise.all([
      this.threads.cursor(userId, threadId),
      this.threads.activeRuns(threadId),
    ]);
    return { threadId, title, metadata, ownerId, members, head, epoch, cursor, activeRuns, createdAt, updatedAt };
  }
}
