import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { Bus } from '../cluster/index.js';
import type { ThreadId } from '../ids/index.js';
import type { ActivityType } from '../protocol/index.js';
import {
  Storage,
  type Notice,
  type NoticeOutcome,
  type NoticeRecord,
  type OwedPage,
  type RunPlace,
} from '../storage/index.js';
import { AppendPipeline } from './append-pipeline.js';
import type { WriteContext } from './write-context.js';

/** How long it can be asked what became of a notice. */
const KEPT_MS = 86_400_000;
const PRUNED_AT_ONCE = 500;

/** What became of a notice; `thread_deleted`: it went with its thread. */
export type NoticeEnd = NoticeOutcome | 'thread_deleted';

/**
 * Owes the run's user a notice of an event that this transaction has appended: the run's end, or its request for
 * input. The user is who started the run, and the thread's owner where that one may not read the thread, or is nobody.
 */
export async function oweNoticeWithin(
  write: WriteContext,
  { runId, threadId, userId }: Pick<RunPlace, 'runId' | 'threadId' | 'userId'>,
  event: { readonly type: ActivityType; readonly seq: number; readonly time: number },
): Promise<void> {
  const { type, seq, time } = event;
  const mayRead = (await write.threads.access(threadId, userId)) !== null;
  const reader = mayRead ? userId : (await write.threads.get(threadId))?.ownerId;
  if (reader === undefined) return;
  await write.notifications.add({ threadId, runId, userId: reader, type, seq, time });
}

/** Another node brings this notice: this one was taken to be gone. */
export class NoticeTaken extends Error {
  override readonly name = 'NoticeTaken';
}

/** The notices that are owed to users, and what became of those of the last 24 hours. Tells nobody itself. */
@Injectable()
export class Notices {
  constructor(
    private readonly storage: Storage,
    private readonly pipeline: AppendPipeline,
    private readonly clock: Clock,
    private readonly bus: Bus,
  ) {}

  /** Whether other nodes may leave notices behind that are for this one to take up. */
  get areShared(): boolean {
    return this.bus.isShared;
  }

  /** The notice of this event to this user. Null: there was none, or it was settled more than 24 hours ago. */
  async find(threadId: ThreadId, seq: number, userId: string): Promise<NoticeRecord | null> {
    const notice = await this.of(threadId, seq);
    return notice?.userId === userId ? notice : null;
  }

  /** The notice of this event, to whomever. */
  of(threadId: ThreadId, seq: number): Promise<NoticeRecord | null> {
    return this.storage.notifications.find(threadId, seq);
  }

  /** What is owed and is this node's to bring: all of it, without a cluster. */
  owed(page: { readonly after: number; readonly limit: number }): Promise<OwedPage> {
    const { nodeId, isShared } = this.bus;
    return this.storage.notifications.owed(isShared ? { ...page, node: nodeId } : page);
  }

  /**
   * Whether this node brings the notice: of all nodes one does, and when that is gone another one may. Without a cluster
   * nobody has to be asked.
   */
  async claim(notice: Notice): Promise<boolean> {
    const { nodeId, isShared } = this.bus;
    if (!isShared) return true;
    return this.pipeline.execute([notice.threadId], (write) => write.notifications.claim(notice, nodeId));
  }

  /**
   * Whether the notice is still owed, and to somebody who may read the thread now; otherwise how it ends, or has. Rejects
   * with `NoticeTaken` where another node brings it by now.
   */
  async standing(notice: Notice): Promise<'owed' | NoticeEnd> {
    const present = await this.of(notice.threadId, notice.seq);
    if (present?.epoch !== notice.epoch) return 'thread_deleted';
    if (present.outcome !== null) return present.outcome;
    if (present.node !== null && present.node !== this.bus.nodeId && this.bus.isShared) throw new NoticeTaken();
    const access = await this.storage.threads.access(notice.threadId, notice.userId);
    return access === null ? 'no_access' : 'owed';
  }

  /** Settles a notice and resolves with how it stands settled: the first outcome stays. */
  settle(notice: Notice, outcome: NoticeOutcome): Promise<NoticeEnd> {
    return this.pipeline.execute([notice.threadId], async (write) => {
      return (await write.notifications.settle(notice, outcome, this.clock.now())) ?? 'thread_deleted';
    });
  }

  /** Forgets what was settled more than 24 hours ago. */
  async prune(): Promise<void> {
    const before = this.clock.now() - KEPT_MS;
    let pruned: number;
    do {
      pruned = await this.pipeline.execute([], (write) => write.notifications.prune(before, PRUNED_AT_ONCE));
    } while (pruned === PRUNED_AT_ONCE);
  }
}
