import type Database from 'better-sqlite3';

import type { RunId, ThreadId } from '../../ids/index.js';
import type { ActivityType } from '../../protocol/index.js';
import { NotificationStore, type OwedPage } from '../notification-store.js';
import type { NewNotice, Notice, NoticeOutcome, NoticeRecord } from '../records.js';
import { Prepared, type SqliteConnection } from './connection.js';
import { preparer } from './query.js';

interface NoticeRow {
  notice_no: number;
  thread_id: ThreadId;
  epoch: string;
  seq: number;
  run_id: RunId;
  user_id: string;
  type: ActivityType;
  time: number;
  outcome: NoticeOutcome | null;
  settled_at: number | null;
}

type EventOfLog = Pick<Notice, 'threadId' | 'epoch' | 'seq'>;

const NOTICES = 'select * from notifications join threads using (thread_no)';
const OF_LOG = `thread_no = (select thread_no from threads where thread_id = @threadId and epoch = @epoch) and seq = @seq`;

function prepareNotices(db: Database.Database) {
  const prepare = preparer(db);
  return {
    find: prepare<[ThreadId, seq: number], NoticeRow>(`${NOTICES} where thread_id = ? and seq = ?`),
    owed: prepare<[after: number, limit: number], NoticeRow>(
      `${NOTICES} where outcome is null and notice_no > ? order by notice_no limit ?`,
    ),
    isOwed: prepare<[EventOfLog], number>(`select 1 from notifications where ${OF_LOG} and outcome is null`).pluck(),
    outcome: prepare<[EventOfLog], NoticeOutcome | null>(`select outcome from notifications where ${OF_LOG}`).pluck(),

    add: prepare<[NewNotice]>(
      `insert into notifications (thread_no, seq, run_id, user_id, type, time)
        select thread_no, @seq, @runId, @userId, @type, @time from threads where thread_id = @threadId
        on conflict do nothing`,
    ),
    settle: prepare<[EventOfLog & { outcome: NoticeOutcome; now: number }]>(
      `update notifications set outcome = @outcome, settled_at = @now where ${OF_LOG} and outcome is null`,
    ),
    acknowledge: prepare<[now: number, ThreadId, userId: string, seq: number]>(
      `update notifications set outcome = 'acknowledged', settled_at = ?
        where thread_no = (select thread_no from threads where thread_id = ?)
          and user_id = ? and seq <= ? and outcome is null`,
    ),
    prune: prepare<[settledBefore: number, limit: number]>(
      `delete from notifications where notice_no in (
          select notice_no from notifications where outcome is not null and settled_at < ? limit ?
        )`,
    ),
  };
}

/** On the reading connection the committed notices, on the writing one those of the open transaction. */
export class SqliteNotificationStore extends NotificationStore {
  readonly #sql: Prepared<ReturnType<typeof prepareNotices>>;

  constructor(connection: SqliteConnection) {
    super();
    this.#sql = new Prepared(connection, prepareNotices);
  }

  override find(threadId: ThreadId, seq: number): Promise<NoticeRecord | null> {
    return this.#sql.use((sql) => {
      const row = sql.find.get(threadId, seq);
      return row === undefined
        ? null
        : { ...toNotice(row), node: null, outcome: row.outcome, settledAt: row.settled_at };
    });
  }

  override owed({ after, limit }: { after: number; limit: number }): Promise<OwedPage> {
    return this.#sql.use((sql) => {
      const rows = sql.owed.all(after, limit + 1);
      const shown = rows.slice(0, limit);
      return { notices: shown.map(toNotice), next: rows.length > limit ? (shown.at(-1)?.notice_no ?? null) : null };
    });
  }

  override add(notice: NewNotice): Promise<void> {
    return this.#sql.use((sql) => {
      sql.add.run(notice);
    });
  }

  override claim({ threadId, epoch, seq }: Notice): Promise<boolean> {
    return this.#sql.use((sql) => sql.isOwed.get({ threadId, epoch, seq }) !== undefined);
  }

  override settle(notice: Notice, outcome: NoticeOutcome, now: number): Promise<NoticeOutcome | null> {
    return this.#sql.use((sql) => {
      const { threadId, epoch, seq } = notice;
      sql.settle.run({ threadId, epoch, seq, outcome, now });
      return sql.outcome.get({ threadId, epoch, seq }) ?? null;
    });
  }

  override acknowledge(threadId: ThreadId, userId: string, seq: number, now: number): Promise<void> {
    return this.#sql.use((sql) => {
      sql.acknowledge.run(now, threadId, userId, seq);
    });
  }

  override prune(settledBefore: number, limit: number): Promise<number> {
    return this.#sql.use((sql) => sql.prune.run(settledBefore, limit).changes);
  }
}

function toNotice(row: NoticeRow): Notice {
  return {
    threadId: row.thread_id,
    epoch: row.epoch,
    seq: row.seq,
    runId: row.run_id,
    userId: row.user_id,
    type: row.type,
    time: row.time,
  };
}
