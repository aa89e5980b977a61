import type Database from 'better-sqlite3';

import type { ThreadId } from '../../ids/index.js';
import type { JsonObject } from '../../protocol/index.js';
import type { Removal, ThreadRecord, UserCursor } from '../records.js';
import { preparer } from './query.js';

export interface ThreadRow {
  thread_no: number;
  thread_id: ThreadId;
  owner_id: string;
  epoch: string;
  head: number;
  title: string | null;
  metadata: string;
  created_at: number;
  updated_at: number;
}

interface AccessRow {
  owner_id: string;
  member: number;
  head: number;
  epoch: string;
}

const CURSORS = `select user_id as userId, seq, updated_at as time from cursors
  where thread_no = (select thread_no from threads where thread_id = ?)`;
const THREADS = 'select * from threads join thread_details using (thread_no)';

export function prepareThreads(db: Database.Database) {
  const prepare = preparer(db);
  return {
    thread: prepare<[ThreadId], ThreadRow>(`${THREADS} where thread_id = ?`),
    access: prepare<[userId: string, ThreadId], AccessRow>(
      `select owner_id, head, epoch, exists (
          select 1 from members where members.thread_no = threads.thread_no and user_id = ?
        ) as member from threads where thread_id = ?`,
    ),
    list: prepare<[userId: string, userId: string, updatedAt: number, threadNo: number, limit: number], ThreadRow>(
      `${THREADS} where thread_no in (
          select thread_no from threads where owner_id = ? union select thread_no from members where user_id = ?
        ) and (updated_at, thread_no) < (?, ?)
        order by updated_at desc, thread_no desc limit ?`,
    ),
    members: prepare<[threadNo: number], string>(
      'select user_id from members where thread_no = ? order by member_no',
    ).pluck(),
    tombstone: prepare<[ThreadId], { owner_id: string }>('select owner_id from tombstones where thread_id = ?'),
    cursor: prepare<[ThreadId, userId: string], UserCursor>(`${CURSORS} and user_id = ?`),
    cursors: prepare<[ThreadId, after: string | null, limit: number], UserCursor>(
      `${CURSORS} and user_id > coalesce(?, '') order by user_id limit ?`,
    ),
    removal: prepare<[ThreadId, userId: string], Removal>(
      `select seq, time from removals
        where thread_no = (select thread_no from threads where thread_id = ?) and user_id = ?`,
    ),

    create: prepare<[ThreadId, ownerId: string, epoch: string, createdAt: number, updatedAt: number]>(
      'insert into threads (thread_id, owner_id, epoch, created_at, updated_at) values (?, ?, ?, ?, ?)',
    ),
    createDetails: prepare<[threadNo: number | bigint, title: string | null, metadata: string]>(
      'insert into thread_details (thread_no, title, metadata) values (?, ?, ?)',
    ),
    updateDetails: prepare<[title: string | null, metadata: string, threadNo: number]>(
      'update thread_details set title = ?, metadata = ? where thread_no = ?',
    ),
    touch: prepare<[now: number, threadNo: number]>(
      'update threads set updated_at = max(updated_at, ?) where thread_no = ?',
    ),
    addMember: prepare<[threadNo: number, userId: string]>(
      'insert into members (thread_no, user_id) values (?, ?) on conflict do nothing',
    ),
    removeMember: prepare<[threadNo: number, userId: string]>(
      'delete from members where thread_no = ? and user_id = ?',
    ),
    acknowledge: prepare<[threadNo: number, userId: string, seq: number, now: number]>(
      `insert into cursors (thread_no, user_id, seq, updated_at) values (?, ?, ?, ?)
        on conflict do update set seq = excluded.seq, updated_at = excluded.updated_at where excluded.seq > seq`,
    ),
    recordRemoval: prepare<[userId: string, seq: number, time: number, ThreadId]>(
      `insert into removals (thread_no, user_id, seq, time)
        select thread_no, ?, ?, ? from threads where thread_id = ?
        on conflict do update set seq = excluded.seq, time = excluded.time`,
    ),
    addTombstone: prepare<[ThreadId, ownerId: string, deletedAt: number]>(
      'insert into tombstones (thread_id, owner_id, deleted_at) values (?, ?, ?)',
    ),
    removeTombstone: prepare<[ThreadId]>('delete from tombstones where thread_id = ?'),

    /** In this order; details, members, removals, cursors and notices go with the thread, its runs lose their number of it. */
    erase: [
      'delete from events where thread_no = ?',
      'delete from requests where thread_no = ?',
      'delete from run_events where run_no in (select run_no from runs where thread_no = ?)',
      `update runs set input = 'null', inputs = '[]', end_reason = null where thread_no = ?`,
      'delete from threads where thread_no = ?',
    ].map((statement) => prepare<[threadNo: number]>(statement)),
  };
}

export type ThreadStatements = ReturnType<typeof prepareThreads>;

export function toThreadRecord(row: ThreadRow, members: readonly string[]): ThreadRecord {
  return {
    threadId: row.thread_id,
    epoch: row.epoch,
    ownerId: row.owner_id,
    title: row.title,
    metadata: JSON.parse(row.metadata) as JsonObject,
    members,
    head: row.head,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
