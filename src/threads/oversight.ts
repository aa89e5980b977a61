import { Injectable } from '@nestjs/common';

import type { RunId, ThreadId } from '../ids/index.js';
import {
  Storage,
  type LogHead,
  type RunInput,
  type RunPlace,
  type RunRecord,
  type StoredEvent,
  type ThreadRecord,
  type ThreadRole,
  type UserCursor,
} from '../storage/index.js';

/** A thread without its content. */
export type ThreadFacts = Pick<ThreadRecord, 'threadId' | 'epoch' | 'ownerId' | 'head' | 'createdAt' | 'updatedAt'> & {
  /** Beside the owner. */
  readonly members: number;
};

/** A run without its content. */
export type RunFacts = Omit<RunRecord, 'input' | 'inputs' | 'position' | 'orphaned'> & {
  readonly inputs: readonly Pick<RunInput, 'requestId' | 'status' | 'requestedAt' | 'answeredAt'>[];
  readonly threadDeleted: boolean;
};

/** An event without its content. */
export type EventFacts = Pick<StoredEvent, 'seq' | 'type' | 'runId' | 'time'>;

/** What a user is to a thread, and was. */
export interface Standing {
  /** Null: neither owner nor member now. */
  readonly role: ThreadRole | null;
  readonly cursor: UserCursor | null;
  /** The last time that the user was removed: from this seq on nothing was theirs, until they were added again. */
  readonly removal: { readonly seq: number; readonly time: number } | null;
}

/** The reasons that the server itself gives for a cancelled run; any other is a client's own words. */
const OWN_REASONS: readonly string[] = ['stopped', 'interrupted', 'thread_deleted'];

/**
 * Reads for those who look after the server: of anybody's threads and runs, and nothing of their content. Who may ask
 * is for the caller to check.
 */
@Injectable()
export class Oversight {
  constructor(private readonly storage: Storage) {}

  /** Null: there is none now. */
  async thread(threadId: ThreadId): Promise<ThreadFacts | null> {
    const thread = await this.storage.threads.get(threadId);
    if (thread === null) return null;
    const { epoch, ownerId, members, head, createdAt, updatedAt } = thread;
    return { threadId, epoch, ownerId, members: members.length, head, createdAt, updatedAt };
  }

  /** Who owned the thread that was deleted and has not been made again under this id. Null: there is none. */
  deletedFrom(threadId: ThreadId): Promise<string | null> {
    return this.storage.threads.deletedFrom(threadId);
  }

  heads(threadIds: readonly ThreadId[]): Promise<ReadonlyMap<ThreadId, LogHead>> {
    return this.storage.events.heads(threadIds);
  }

  /** How far users have acknowledged, by user id. */
  cursors(threadId: ThreadId, page: { after: string | null; limit: number }): Promise<readonly UserCursor[]> {
    return this.storage.threads.cursors(threadId, page);
  }

  /** Runs of the thread that have not ended: those begun, then the queued in their order. */
  unfinishedRuns(threadId: ThreadId): Promise<readonly RunPlace[]> {
    return this.storage.runs.activePlaces(threadId);
  }

  /** The last runs of the thread, ended or not, the one made last first. */
  latestRuns(threadId: ThreadId, limit: number): Promise<readonly RunPlace[]> {
    return this.storage.runs.latest(threadId, limit);
  }

  async run(runId: RunId): Promise<RunFacts | null> {
    const run = await this.storage.runs.get(runId);
    if (run === null) return null;
    const { threadId, agent, userId, status, attempt, policy, external, messageId } = run;
    const { associated, associationMs, createdAt, startedAt, endedAt, endReason, orphaned, node } = run;
    return {
      ...{ runId, threadId, agent, userId, status, attempt, policy, external, messageId },
      ...{ associated, associationMs, createdAt, startedAt, endedAt, threadDeleted: orphaned, node },
      endReason: status === 'cancelled' && endReason !== null ? ownReason(endReason) : endReason,
      inputs: run.inputs.map(({ requestId, status: state, requestedAt, answeredAt }) => {
        return { requestId, status: state, requestedAt, ...(answeredAt === undefined ? {} : { answeredAt }) };
      }),
    };
  }

  async standing(threadId: ThreadId, userId: string): Promise<Standing> {
    const { threads } = this.storage;
    const [access, cursor, removal] = await Promise.all([
      threads.access(threadId, userId),
      threads.cursor(threadId, userId),
      threads.removal(threadId, userId),
    ]);
    return { role: access?.role ?? null, cursor, removal };
  }

  /** Null: there is none with this seq in that log. */
  async event(threadId: ThreadId, epoch: string, seq: number): Promise<EventFacts | null> {
    const [event] = await this.storage.events.read(threadId, { after: seq - 1, limit: 1, epoch });
    if (event?.seq !== seq) return null;
    const { type, runId, time } = event;
    return { seq, type, runId, time };
  }
}

function ownReason(reason: string): string {
  return OWN_REASONS.includes(reason) ? reason : 'given by the client';
}
