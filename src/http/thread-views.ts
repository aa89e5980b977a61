import { Injectable } from '@nestjs/common';

import type { ThreadId } from '../ids/index.js';
import type { JsonObject } from '../protocol/index.js';
import { ThreadsService, type ThreadRecord } from '../threads/index.js';

/** A thread as one of its users sees it. */
export interface ThreadView {
  readonly threadId: ThreadId;
  readonly title: string | null;
  readonly metadata: JsonObject;
  readonly ownerId: string;
  readonly members: readonly string[];
  readonly head: number;
  readonly epoch: string;
  /** How far this user has acknowledged. */
  readonly cursor: number;
  /** How many runs have not ended. */
  readonly activeRuns: number;
  /** Unix ms, as all times. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

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
