import { invalidFields } from '../../errors/index.js';
import type { ThreadId } from '../../ids/index.js';
import type { NewThread, Removal, ThreadAccess, ThreadRecord, UserCursor } from '../records.js';
import { type CreateOutcome, type ThreadChanges, type ThreadPage, ThreadStore } from '../thread-store.js';
import type { Queries } from './connection.js';
import { fromText, toText, toTextOrNull } from './text.js';
import { THREADS, type ThreadRow, toThreadRecord } from './thread-rows.js';

const OF_THREAD = 'thread_no = (select thread_no from threads where thread_id = $1)';

const THREAD = `${THREADS} where thread_id = $1`;
const ACCESS = `select owner_id = $2 as owns, head, epoch, exists (
    select 1 from members where members.thread_no = threads.thread_no and user_id = $2
  ) as member from threads where thread_id = $1`;
const LIST = `${THREADS} where thread_no in (
    select thread_no from threads where owner_id = $1 union select thread_no from members where user_id = $1
  ) and (updated_at, thread_no) < ($2, $3)
  order by updated_at desc, thread_no desc limit $4`;
const TOMBSTONE = 'select owner_id from tombstones where thread_id = $1';
const CURSORS = `select user_id, seq, updated_at as time from cursors where ${OF_THREAD}`;
const CURSOR = `${CURSORS} and user_id = $2`;
const CURSOR_PAGE = `${CURSORS} and user_id > coalesce($2, '') order by user_id limit $3`;
const REMOVAL = `select seq, time from removals where ${OF_THREAD} and user_id = $2`;

const CREATE = `with made as (
    insert into threads (thread_id, owner_id, epoch, created_at, updated_at) values ($1, $2, $3, $4, $4)
      on conflict (thread_id) do nothing returning thread_no
  ) insert into thread_details (thread_no, title, metadata) select thread_no, $5, $6 from made returning 1`;
const UPDATE_DETAILS = 'update thread_details set title = $2, metadata = $3 where thread_no = $1';
const TOUCH = 'update threads set updated_at = greatest(updated_at, $2) where thread_no = $1';
const ADD_MEMBER = 'insert into members (thread_no, user_id) values ($1, $2) on conflict do nothing returning 1';
const REMOVE_MEMBER = 'delete from members where thread_no = $1 and user_id = $2 returning 1';
const ACKNOWLEDGE = `insert into cursors (thread_no, user_id, seq, updated_at) values ($1, $2, $3, $4)
  on conflict (thread_no, user_id) do update set seq = excluded.seq, updated_at = excluded.updated_at
    where excluded.seq > cursors.seq`;
const RECORD_REMOVAL = `insert into removals (thread_no, user_id, seq, time)
  select thread_no, $2, $3, $4 from threads where thread_id = $1
  on conflict (thread_no, user_id) do update set seq = excluded.seq, time = excluded.time`;
const REMOVE_TOMBSTONE = 'delete from tombstones where thread_id = $1';
const ADD_TOMBSTONE = 'insert into tombstones (thread_id, owner_id, deleted_at) values ($1, $2, $3)';

/** In this order; details, members, removals, cursors and notices go with the thread, its runs lose their number of it. */
const ERASE = [
  'delete from events where thread_no = $1',
  'delete from requests where thread_no = $1',
  'delete from run_events where run_no in (select run_no from runs where thread_no = $1)',
  `update runs set input = 'null', inputs = '[]', end_reason = null where thread_no = $1`,
  'delete from threads where thread_no = $1',
];

interface CursorRow {
  user_id: string;
  seq: number;
  time: number;
}

/** On the reading connections the committed threads, on the writing one those of the open transaction. */
export class PostgresThreadStore extends ThreadStore {
  constructor(private readonly queries: Queries) {
    super();
  }

  override async get(threadId: ThreadId): Promise<ThreadRecord | null> {
    const row = await this.#thread(threadId);
    return row === undefined ? null : toThreadRecord(row);
  }

  override async access(threadId: ThreadId, userId: string): Promise<ThreadAccess | null> {
    const [row] = await this.queries.rows<{ owns: boolean; member: boolean; head: number; epoch: string }>(ACCESS, [
      threadId,
      toText(userId),
    ]);
    if (row === undefined || (!row.owns && !row.member)) return null;
    return { role: row.owns ? 'owner' : 'member', head: row.head, epoch: row.epoch };
  }

  override async list(userId: string, page: { limit: number; cursor: string | null }): Promise<ThreadPage> {
    const values = [toText(userId), ...parseCursor(page.cursor), page.limit + 1];
    const rows = await this.queries.rows<ThreadRow>(LIST, values);
    const shown = rows.slice(0, page.limit);
    const last = shown.at(-1);
    return {
      threads: shown.map(toThreadRecord),
      nextCursor: rows.length > shown.length && last !== undefined ? `${last.updated_at}-${last.thread_no}` : null,
    };
  }

  override async deletedFrom(threadId: ThreadId): Promise<string | null> {
    const [row] = await this.queries.rows<{ owner_id: string }>(TOMBSTONE, [threadId]);
    return row === undefined ? null : fromText(row.owner_id);
  }

  override async cursor(threadId: ThreadId, userId: string): Promise<UserCursor | null> {
    const [row] = await this.queries.rows<CursorRow>(CURSOR, [threadId, toText(userId)]);
    return row === undefined ? null : toCursor(row);
  }

  override async cursors(
    threadId: ThreadId,
    { after, limit }: { after: string | null; limit: number },
  ): Promise<readonly UserCursor[]> {
    const values = [threadId, toTextOrNull(after), limit];
    return (await this.queries.rows<CursorRow>(CURSOR_PAGE, values)).map(toCursor);
  }

  override async removal(threadId: ThreadId, userId: string): Promise<Removal | null> {
    const [row] = await this.queries.rows<Removal>(REMOVAL, [threadId, toText(userId)]);
    return row ?? null;
  }

  override async create(thread: NewThread): Promise<CreateOutcome> {
    const { threadId, ownerId, epoch, createdAt, title, metadata } = thread;
    const existing = await this.#thread(threadId);
    if (existing !== undefined) return { outcome: 'exists', ownerId: fromText(existing.owner_id) };
    const buried = await this.deletedFrom(threadId);
    if (buried !== null && buried !== ownerId) return { outcome: 'tombstone', ownerId: buried };
    if (buried !== null) await this.queries.rows(REMOVE_TOMBSTONE, [threadId]);
    const values = [threadId, toText(ownerId), epoch, createdAt, toTextOrNull(title), JSON.stringify(metadata)];
    const made = await this.queries.rows(CREATE, values);
    // None: another process has made it since it was looked for, and may have deleted it since.
    return made.length > 0 ? { outcome: 'created' } : this.create(thread);
  }

  override async update(threadId: ThreadId, changes: ThreadChanges, now: number): Promise<ThreadRecord | null> {
    const row = await this.#thread(threadId);
    if (row === undefined) return null;
    const title = changes.title === undefined ? row.title : toTextOrNull(changes.title);
    const metadata = changes.metadata === undefined ? row.metadata : JSON.stringify(changes.metadata);
    await this.queries.rows(UPDATE_DETAILS, [row.thread_no, title, metadata]);
    await this.queries.rows(TOUCH, [row.thread_no, now]);
    return this.get(threadId);
  }

  override async addMember(threadId: ThreadId, userId: string, now: number): Promise<boolean> {
    const row = await this.#thread(threadId);
    if (row === undefined || row.owner_id === toText(userId)) return false;
    return this.#change(ADD_MEMBER, row, userId, now);
  }

  override async removeMember(threadId: ThreadId, userId: string, now: number): Promise<boolean> {
    const row = await this.#thread(threadId);
    return row !== undefined && (await this.#change(REMOVE_MEMBER, row, userId, now));
  }

  override async recordRemoval(threadId: ThreadId, userId: string, { seq, time }: Removal): Promise<void> {
    await this.queries.rows(RECORD_REMOVAL, [threadId, toText(userId), seq, time]);
  }

  override async delete(threadId: ThreadId, now: number): Promise<boolean> {
    const row = await this.#thread(threadId);
    if (row === undefined) return false;
    for (const statement of ERASE) await this.queries.rows(statement, [row.thread_no]);
    await this.queries.rows(ADD_TOMBSTONE, [threadId, row.owner_id, now]);
    return true;
  }

  override async acknowledge(threadId: ThreadId, userId: string, seq: number, now: number): Promise<number> {
    const row = await this.#thread(threadId);
    if (row === undefined) return 0;
    await this.queries.rows(ACKNOWLEDGE, [row.thread_no, toText(userId), seq, now]);
    return (await this.cursor(threadId, userId))?.seq ?? 0;
  }

  async #thread(threadId: ThreadId): Promise<ThreadRow | undefined> {
    return (await this.queries.rows<ThreadRow>(THREAD, [threadId]))[0];
  }

  /** False: it was so already. */
  async #change(statement: string, row: ThreadRow, userId: string, now: number): Promise<boolean> {
    const changed = await this.queries.rows(statement, [row.thread_no, toText(userId)]);
    if (changed.length === 0) return false;
    await this.queries.rows(TOUCH, [row.thread_no, now]);
    return true;
  }
}

function toCursor({ user_id, seq, time }: CursorRow): UserCursor {
  return { userId: fromText(user_id), seq, time };
}

/** Of the last thread shown: when it was updated, and its number. Without one, above all threads. */
function parseCursor(cursor: string | null): [updatedAt: number, threadNo: number] {
  if (cursor === null) return [Number.MAX_SAFE_INTEGER, 0];
  const parts = /^(\d{1,15})-(\d{1,15})$/.exec(cursor);
  if (parts === null) throw invalidFields([{ field: 'cursor', message: 'cursor must be one that a page has given' }]);
  return [Number(parts[1]), Number(parts[2])];
}
