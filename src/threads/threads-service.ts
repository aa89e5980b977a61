import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import { IdGenerator, type ThreadId } from '../ids/index.js';
import type { JsonObject } from '../protocol/index.js';
import { Storage, type ThreadAccess, type ThreadPage, type ThreadRecord } from '../storage/index.js';
import { AppendPipeline } from './append-pipeline.js';
import { EventFactory } from './event-factory.js';
import { Redaction } from './redaction.js';
import { taskBytes } from './task-bytes.js';
import { THREADS_OPTIONS, ThreadsOptions } from './threads-options.js';
import type { WriteContext } from './write-context.js';

export interface CreateThread {
  readonly threadId?: ThreadId;
  readonly title?: string | null;
  readonly metadata?: JsonObject;
}

export interface CreatedThread {
  readonly threadId: ThreadId;
  readonly epoch: string;
  /** 0, unless it is a duplicate that has grown since. */
  readonly head: number;
  readonly duplicate: boolean;
}

/**
 * Threads, their owner and members. Whoever may not read a thread learns nothing of it: every refusal of a
 * stranger is `thread_not_found`, word for word what a thread that does not exist gets.
 */
@Injectable()
export class ThreadsService {
  readonly #options: ThreadsOptions;

  constructor(
    private readonly storage: Storage,
    private readonly pipeline: AppendPipeline,
    private readonly events: EventFactory,
    private readonly redaction: Redaction,
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
    @Inject(THREADS_OPTIONS) options: Partial<ThreadsOptions>,
  ) {
    this.#options = Object.assign(new ThreadsOptions(), options);
  }

  /**
   * Makes a thread with an empty log. An id of one's own again is `duplicate`, and nothing changes; somebody
   * else's is `already_exists`.
   */
  create(userId: string, request: CreateThread): Promise<CreatedThread> {
    const threadId = request.threadId ?? this.ids.threadId();
    const bytes = taskBytes(request.title, request.metadata);
    return this.pipeline.execute([threadId], (write) => this.createWithin(write, userId, threadId, request), bytes);
  }

  /** `create`, as part of a larger job. */
  async createWithin(
    write: WriteContext,
    userId: string,
    threadId: ThreadId,
    request: Omit<CreateThread, 'threadId'>,
    epoch = this.ids.epoch(),
  ): Promise<CreatedThread> {
    const made = await write.threads.create({
      threadId,
      epoch,
      ownerId: userId,
      title: request.title === undefined || request.title === null ? null : this.redaction.text(request.title),
      metadata: JSON.parse(this.redaction.json(request.metadata ?? {})) as JsonObject,
      createdAt: this.clock.now(),
    });
    if (made.outcome === 'created') return { threadId, epoch, head: 0, duplicate: false };
    if (made.outcome === 'tombstone' || made.ownerId !== userId) throw new ThreadcastError('already_exists');
    const present = await write.threads.access(threadId, userId);
    if (present === null) throw new ThreadcastError('already_exists');
    return { threadId, epoch: present.epoch, head: present.head, duplicate: true };
  }

  /** Head, epoch and role at one moment; rejects with `thread_not_found`. */
  async access(userId: string, threadId: ThreadId): Promise<ThreadAccess> {
    const access = await this.storage.threads.access(threadId, userId);
    if (access === null) throw new ThreadcastError('thread_not_found');
    return access;
  }

  async get(userId: string, threadId: ThreadId): Promise<ThreadRecord> {
    await this.access(userId, threadId);
    const thread = await this.storage.threads.get(threadId);
    if (thread === null) throw new ThreadcastError('thread_not_found');
    return thread;
  }

  list(userId: string, page: { limit: number; cursor: string | null }): Promise<ThreadPage> {
    return this.storage.threads.list(userId, page);
  }

  /** How many runs of the thread have not ended. The caller has checked access. */
  async activeRuns(threadId: ThreadId): Promise<number> {
    return (await this.storage.runs.activePlaces(threadId)).length;
  }

  /** How far the user has acknowledged. */
  async cursor(userId: string, threadId: ThreadId): Promise<number> {
    return (await this.storage.threads.cursor(threadId, userId))?.seq ?? 0;
  }

  /** Moves the user's cursor forward, to the head at most; no notice up to there is owed any more. Resolves with where it is then. */
  acknowledge(userId: string, threadId: ThreadId, seq: number): Promise<number> {
    return this.pipeline.execute([threadId], async (write) => {
      const { head, epoch } = await this.#accessWithin(write, userId, threadId);
      if (seq > head) throw new ThreadcastError('cursor_invalid', { details: { head, epoch } });
      const now = this.clock.now();
      await write.notifications.acknowledge(threadId, userId, seq, now);
      return write.threads.acknowledge(threadId, userId, seq, now);
    });
  }

  /** Renames, or replaces the metadata; told in the log. Owner only. */
  update(userId: string, threadId: ThreadId, changes: { title?: string | null; metadata?: JsonObject }) {
    return this.pipeline.execute(
      [threadId],
      async (write) => {
        await this.#ownerWithin(write, userId, threadId);
        const event = this.events.make({ type: 'thread_updated', data: changes });
        const told = JSON.parse(event.data) as typeof changes;
        const updated = await write.threads.update(threadId, told, this.clock.now());
        if (updated === null) throw new ThreadcastError('thread_not_found');
        if (Object.keys(told).length > 0) await write.append(threadId, [event]);
      },
      taskBytes(changes, changes),
    );
  }

  /** Lets a user read and take part; told in the log. Owner only; a member again changes nothing. */
  share(userId: string, threadId: ThreadId, memberId: string): Promise<void> {
    return this.#changeMembers(userId, threadId, async (write, thread) => {
      if (memberId === thread.ownerId || thread.members.includes(memberId)) return false;
      if (thread.members.length >= this.#options.maxMembers) {
        throw new ThreadcastError('invalid_payload', {
          message: `A thread has at most ${this.#options.maxMembers} members.`,
        });
      }
      return write.threads.addMember(threadId, memberId, this.clock.now());
    });
  }

  /** Takes it back. The user receives nothing with the seq of the event that tells it, or a later one. */
  unshare(userId: string, threadId: ThreadId, memberId: string): Promise<void> {
    const time = this.clock.now();
    return this.#changeMembers(
      userId,
      threadId,
      (write) => write.threads.removeMember(threadId, memberId, time),
      (write, seq) => write.threads.recordRemoval(threadId, memberId, { seq, time }),
    );
  }

  /** Erases the thread, its log and its runs for all. Owner only. */
  async remove(userId: string, threadId: ThreadId): Promise<void> {
    await this.pipeline.execute([threadId], async (write) => {
      await this.#ownerWithin(write, userId, threadId);
      const now = this.clock.now();
      for (const run of await write.runs.activePlaces(threadId)) {
        await write.runs.update(run.runId, { status: 'cancelled', endedAt: now, endReason: 'thread_deleted' });
      }
      await write.deleteThread(threadId, now);
    });
  }

  #changeMembers(
    userId: string,
    threadId: ThreadId,
    change: (write: WriteContext, thread: ThreadRecord) => Promise<boolean>,
    told?: (write: WriteContext, seq: number) => Promise<void>,
  ): Promise<void> {
    return this.pipeline.execute([threadId], async (write) => {
      await this.#ownerWithin(write, userId, threadId);
      const before = await write.threads.get(threadId);
      if (before === null) throw new ThreadcastError('thread_not_found');
      if (!(await change(write, before))) return;
      const after = await write.threads.get(threadId);
      const members = after?.members ?? [];
      const seq = await write.append(threadId, [this.events.make({ type: 'thread_updated', data: { members } })]);
      await told?.(write, seq);
    });
  }

  async #accessWithin(write: WriteContext, userId: string, threadId: ThreadId): Promise<ThreadAccess> {
    const access = await write.threads.access(threadId, userId);
    if (access === null) throw new ThreadcastError('thread_not_found');
    return access;
  }

  async #ownerWithin(write: WriteContext, userId: string, threadId: ThreadId): Promise<void> {
    const { role } = await this.#accessWithin(write, userId, threadId);
    if (role !== 'owner')
      throw new ThreadcastError('forbidden', { message: 'Only the owner of the thread may do this.' });
  }
}
