import type { ThreadId } from '../../ids/index.js';
import type { JsonObject } from '../../protocol/index.js';
import type { ThreadRecord } from '../records.js';
import { fromText, fromTextOrNull } from './text.js';

export interface ThreadRow {
  thread_no: number;
  thread_id: ThreadId;
  owner_id: string;
  epoch: string;
  head: number;
  title: string | null;
  metadata: string;
  members: string[];
  created_at: number;
  updated_at: number;
}

/** With its members, in one statement: what it reads is of one moment. */
export const THREADS = `select threads.*, title, metadata, array(
    select user_id from members where members.thread_no = threads.thread_no order by member_no
  ) as members from threads join thread_details using (thread_no)`;

export function toThreadRecord(row: ThreadRow): ThreadRecord {
  return {
    threadId: row.thread_id,
    epoch: row.epoch,
    ownerId: fromText(row.owner_id),
    title: fromTextOrNull(row.title),
    metadata: JSON.parse(row.metadata) as JsonObject,
    members: row.members.map(fromText),
    head: row.head,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
