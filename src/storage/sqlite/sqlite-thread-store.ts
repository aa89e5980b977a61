import { invalidFields } from '../../errors/index.js';
import type { ThreadId } from '../../ids/index.js';
import type { NewThread, Removal, ThreadAccess, ThreadRecord, UserCursor } from '../records.js';
import { type CreateOutcome, type ThreadChanges, type ThreadPage, ThreadStore } from '../thread-store.js';
import { Prepared, type SqliteConnection } from './connection.js';
import { prepareThreads, type ThreadRow, type ThreadStatements, toThreadRecord } from './thread-statements.js';

/** On the reading connection the committed threads, on the writing one those of the open transaction. */
export class SqliteThreadStore extends ThreadStore {
  readonly #sql: Prepared<ThreadStatements>;

  constructor(private readonly connection: SqliteConnection) {
    super();
    this.#sql = new Prepared(connection, prepareThreads);
  }

  override get(threadId: ThreadId): Promise<ThreadRecord | null> {
    return this.#sql.use((sql) => record(sql, threadId));
  }

  override access(threadId: ThreadId, userId: string): Promise<ThreadAccess | null> {
    return this.#sql.use((sql) => {
      const row = sql.access.get(userId, threadId);
      if (row === undefined || (row.owner_id !== userId && row.member === 0)) return null;
      return { role: row.owner_id === userId ? 'owner' : 'member', head: row.head, epoch: row.epoch };
    });
  }

  override list(userId: string, page: { limit: number; cursor: string | null }): Promise<ThreadPage> {
    return this.#sql.use((sql) => {
      const rows = sql.list.all(userId, userId, ...parseCursor(page.cursor), page.limit + 1);
      const shown = rows.slice(0, page.limit);
      const last = shown.at(-1);
      return {
        threads: shown.map((row) => withMembers(sql, row)),
        nextCursor: rows.length > shown.length && last !== undefined ? `${last.updated_at}-${last.thread_no}` : null,
      };
    });
  }

  override deletedFrom(threadId: ThreadId): Promise<string | null> {
    return this.#sql.use((sql) => sql.tombstone.get(threadId)?.owner_id ?? null);
  }

  override cursor(threadId: ThreadId, userId: string): Promise<UserCursor | null> {
    return this.#sql.use((sql) => sql.cursor.get(threadId, userId) ?? null);
  }

  override cursors(
    threadId: ThreadId,
    { after, limit }: { after: string | null; limit: number },
  ): Promise<readonly UserCursor[]> {
    return this.#sql.use((sql) => sql.cursors.all(threadId, after, limit));
  }

  override removal(threadId: ThreadId, userId: string): Promise<Removal | null> {
    return this.#sql.use((sql) => sql.removal.get(threadId, userId) ?? null);
  }

  override create(thread: NewThread): Promise<CreateOutcome> {
    return this.#sql.use((sql) => {
      const { threadId, ownerId, epoch, createdAt } = thread;
      const existing = sql.thread.get(threadId);
      if (existing !== undefined) return { outcome: 'exists', ownerId: existing.owner_id };
      const tombstone = sql.tombstone.get(threadId);
      if (tombstone !== undefined && tombstone.owner_id !== ownerId) {
        return { outcome: 'tombstone', ownerId: tombstone.owner_id };
      }
      sql.removeTombstone.run(threadId);
      const { lastInsertRowid } = sql.create.run(threadId, ownerId, epoch, createdAt, createdAt);
      sql.createDetails.run(lastInsertRowid, thread.title, JSON.stringify(thread.metadata));
      return { outcome: 'created' };
    });
  }

  override update(threadId: ThreadId, changes: ThreadChanges, now: number): Promise<ThreadRecord | null> {
    return this.#sql.use((sql) => {
      const row = sql.thread.get(threadId);
      if (row === undefined) return null;
      const title = changes.title === undefined ? row.title : changes.title;
      const metadata = changes.metadata === undefined ? row.metadata : JSON.stringify(changes.metadata);
      sql.updateDetails.run(title, metadata, row.thread_no);
      sql.touch.run(now, row.thread_no);
      return record(sql, threadId);
    });
  }

  override addMember(threadId: ThreadId, userId: string, now: number): Promise<boolean> {
    return this.#sql.use((sql) => {
      const row = sql.thread.get(threadId);
      if (row === undefined || row.owner_id === userId) return false;
      if (sql.addMember.run(row.thread_no, userId).changes === 0) return false;
      sql.touch.run(now, row.thread_no);
      return true;
    });
  }

  override removeMember(threadId: ThreadId, userId: string, now: number): Promise<boolean> {
    return this.#sql.use((sql) => {
      const row = sql.thread.get(threadId);
      if (row === undefined || sql.removeMember.run(row.thread_no, userId).changes === 0) return false;
      sql.touch.run(now, row.thread_no);
      return true;
    });
  }

  override recordRemoval(threadId: ThreadId, userId: string, { seq, time }: Removal): Promise<void> {
    return this.#sql.use((sql) => {
      sql.recordRemoval.run(userId, seq, time, threadId);
    });
  }

  override delete(threadId: ThreadId, now: number): Promise<boolean> {
    return this.#sql.use((sql) => {
      const row = sql.thread.get(threadId);
      if (row === undefined) return false;
      for (const erase of sql.erase) erase.run(row.thread_no);
      sql.addTombstone.run(threadId, row.owner_id, now);
      this.connection.known?.forgetThread(threadId);
      return true;
    });
  }

  override acknowledge(threadId: ThreadId, userId: string, seq: number, now: number): Promise<number> {
    return this.#sql.use((sql) => {
      const row = sql.thread.get(threadId);
      if (row === undefined) return 0;
      sql.acknowledge.run(row.thread_no, userId, seq, now);
      return sql.cursor.get(threadId, userId)?.seq ?? 0;
    });
  }
}

function record(sql: ThreadStatements, threadId: ThreadId): ThreadRecord | null {
  const row = sql.thread.get(threadId);
  return row === undefined ? null : withMembers(sql, row);
}

function withMembers(sql: ThreadStatements, row: ThreadRow): ThreadRecord {
  return toThreadRecord(row, sql.members.all(row.thread_no));
}

/** Of the last thread shown: when it was updated, and its number. Without one, above all threads. */
function parseCursor(cursor: string | null): [updatedAt: number, threadNo: number] {
  if (cursor === null) return [Number.MAX_SAFE_INTEGER, 0];
  const parts = /^(\d{1,15})-(\d{1,15})$/.exec(cursor);
  if (parts === null) throw invalidFields([{ field: 'cursor', message: 'cursor must be one that a page has given' }]);
  return [Number(parts[1]), Number(parts[2])];
}
