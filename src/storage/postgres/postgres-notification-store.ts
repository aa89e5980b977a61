import type { RunId, ThreadId } from '../../ids/index.js';
import type { ActivityType } from '../../protocol/index.js';
import { NotificationStore, type OwedPage } from '../notification-store.js';
import type { NewNotice, Notice, NoticeOutcome, NoticeRecord } from '../records.js';
import type { Queries } from './connection.js';
import { fromText, toText } from './text.js';

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
  node: string | null;
}

const NOTICES = 'select * from notifications join threads using (thread_no)';
const OF_LOG = 'thread_no = (select thread_no from threads where thread_id = $1 and epoch = $2) and seq = $3';

const FIND = `${NOTICES} where thread_id = $1 and seq = $2`;
const OWED = `${NOTICES} where outcome is null and notice_no > $1 order by notice_no limit $2`;
const OWED_TO = `${NOTICES} where outcome is null and notice_no > $1 and ${free('$3')} order by notice_no limit $2`;
const CLAIM = `update notifications set node = $4 where ${OF_LOG} and outcome is null and ${free('$4')} returning 1`;
const OUTCOME = `select outcome from notifications where ${OF_LOG}`;
const ADD = `insert into notifications (thread_no, seq, run_id, user_id, type, time)
  select thread_no, $2, $3, $4, $5, $6 from threads where thread_id = $1 on conflict do nothing`;
const SETTLE = `update notifications set outcome = $4, settled_at = $5 where ${OF_LOG} and outcome is null`;
const ACKNOWLEDGE = `update notifications set outcome = 'acknowledged', settled_at = $4
  where thread_no = (select thread_no from threads where thread_id = $1)
    and user_id = $2 and seq <= $3 and outcome is null`;
const PRUNE = `delete from notifications where notice_no in (
    select notice_no from notifications where outcome is not null and settled_at < $1 limit $2
  ) returning 1`;

/** On the reading connections the committed notices, on the writing one those of the open transaction. */
export class PostgresNotificationStore extends NotificationStore {
  constructor(private readonly queries: Queries) {
    super();
  }

  override async find(threadId: ThreadId, seq: number): Promise<NoticeRecord | null> {
    const [row] = await this.queries.rows<NoticeRow>(FIND, [threadId, seq]);
    return row === undefined
      ? null
      : { ...toNotice(row), node: row.node, outcome: row.outcome, settledAt: row.settled_at };
  }

  override async owed({ after, limit, node }: { after: number; limit: number; node?: string }): Promise<OwedPage> {
    const page = [after, limit + 1];
    const rows = await (node === undefined
      ? this.queries.rows<NoticeRow>(OWED, page)
      : this.queries.rows<NoticeRow>(OWED_TO, [...page, node]));
    const shown = rows.slice(0, limit);
    return { notices: shown.map(toNotice), next: rows.length > limit ? (shown.at(-1)?.notice_no ?? null) : null };
  }

  override async add({ threadId, seq, runId, userId, type, time }: NewNotice): Promise<void> {
    await this.queries.rows(ADD, [threadId, seq, runId, toText(userId), type, time]);
  }

  override async claim({ threadId, epoch, seq }: Notice, node: string): Promise<boolean> {
    return (await this.queries.rows(CLAIM, [threadId, epoch, seq, node])).length > 0;
  }

  override async settle(notice: Notice, outcome: NoticeOutcome, now: number): Promise<NoticeOutcome | null> {
    const event = [notice.threadId, notice.epoch, notice.seq];
    await this.queries.rows(SETTLE, [...event, outcome, now]);
    const [row] = await this.queries.rows<{ outcome: NoticeOutcome | null }>(OUTCOME, event);
    return row?.outcome ?? null;
  }

  override async acknowledge(threadId: ThreadId, userId: string, seq: number, now: number): Promise<void> {
    await this.queries.rows(ACKNOWLEDGE, [threadId, toText(userId), seq, now]);
  }

  override async prune(settledBefore: number, limit: number): Promise<number> {
    return (await this.queries.rows(PRUNE, [settledBefore, limit])).length;
  }
}

/** Nobody's, this node's, or one's whose lease is over. */
function free(node: string): string {
  return `(notifications.node is null or notifications.node = ${node} or not exists (
    select 1 from nodes where nodes.node = notifications.node and not released and expires_at >= clock_timestamp()
  ))`;
}

function toNotice(row: NoticeRow): Notice {
  return {
    threadId: row.thread_id,
    epoch: row.epoch,
    seq: row.seq,
    runId: row.run_id,
    userId: fromText(row.user_id),
    type: row.type,
    time: row.time,
  };
}
