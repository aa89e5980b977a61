import type Database from 'better-sqlite3';

import type { RunId, ThreadId } from '../../ids/index.js';
import type { ThreadEventType } from '../../protocol/index.js';
import { type Append, type Appended, EventLog, type ReadBackRange, type ReadRange } from '../event-log.js';
import type { LogHead, StoredEvent } from '../records.js';
import { Prepared, type SqliteConnection } from './connection.js';
import type { KnownRows, KnownThread } from './known-rows.js';

type EventRow = [
  seq: number,
  type: ThreadEventType,
  runId: RunId | null,
  agent: string | null,
  time: number,
  data: string,
];

/** Without an epoch, whichever log is there. */
type PageValues = [ThreadId, epoch: string | null, seq: number, limit: number];

function prepare(db: Database.Database) {
  const events = `select seq, type, run_id, agent, time, data from events
    where thread_no = (select thread_no from threads where thread_id = ? and epoch = coalesce(?, epoch))`;
  return {
    after: db.prepare<PageValues, EventRow>(`${events} and seq > ? order by seq limit ?`).raw(),
    before: db.prepare<PageValues, EventRow>(`${events} and seq < ? order by seq desc limit ?`).raw(),
    head: db.prepare<[ThreadId], LogHead>('select head, epoch from threads where thread_id = ?'),
    thread: db.prepare<[ThreadId], KnownThread>(
      'select thread_no as threadNo, head, epoch from threads where thread_id = ?',
    ),
    advance: db.prepare<[head: number, latest: number, threadNo: number]>(
      'update threads set head = ?, updated_at = max(updated_at, ?) where thread_no = ?',
    ),
    insert: db.prepare<[threadNo: number, ...EventRow]>(
      'insert into events (thread_no, seq, type, run_id, agent, time, data) values (?, ?, ?, ?, ?, ?, ?)',
    ),
  };
}

type Statements = ReturnType<typeof prepare>;

/** On the reading connection the committed logs, on the writing one those of the open transaction. */
export class SqliteEventLog extends EventLog {
  readonly #sql: Prepared<Statements>;

  constructor(private readonly connection: SqliteConnection) {
    super();
    this.#sql = new Prepared(connection, prepare);
  }

  override read(threadId: ThreadId, range: ReadRange): Promise<readonly StoredEvent[]> {
    return this.#sql.use((sql) => {
      const { after, limit, maxBytes, epoch } = range;
      return within(maxBytes, threadId, sql.after.iterate(threadId, epoch ?? null, after, limit));
    });
  }

  override readBefore(threadId: ThreadId, range: ReadBackRange): Promise<readonly StoredEvent[]> {
    return this.#sql.use((sql) => {
      const { before, limit, maxBytes, epoch } = range;
      return within(maxBytes, threadId, sql.before.iterate(threadId, epoch ?? null, before, limit)).reverse();
    });
  }

  override head(threadId: ThreadId): Promise<LogHead | null> {
    return this.#sql.use((sql) => sql.head.get(threadId) ?? null);
  }

  override heads(threadIds: readonly ThreadId[]): Promise<ReadonlyMap<ThreadId, LogHead>> {
    return this.#sql.use((sql) => {
      const heads = new Map<ThreadId, LogHead>();
      for (const threadId of threadIds) {
        const head = sql.head.get(threadId);
        if (head !== undefined) heads.set(threadId, head);
      }
      return heads;
    });
  }

  override append(appends: readonly Append[]): Promise<readonly Appended[]> {
    return this.#sql.use((sql) => appendAll(sql, this.connection.known, appends));
  }
}

/** Each thread's head moves once, to where the last of its events is. */
function appendAll(sql: Statements, known: KnownRows | null, appends: readonly Append[]): Appended[] {
  const grown = new Map<ThreadId, Growth>();
  const appended = appends.map(({ threadId, events }): Appended => {
    const growth = grown.get(threadId) ?? beginGrowth(sql, known, threadId);
    if (growth === null) return null;
    grown.set(threadId, growth);
    const firstSeq = growth.head + 1;
    for (const event of events) {
      growth.head += 1;
      growth.latest = Math.max(growth.latest, event.time);
      const { type, runId, agent, time, data } = event;
      sql.insert.run(growth.thread.threadNo, growth.head, type, runId, agent, time, data);
    }
    return { firstSeq, head: growth.head, epoch: growth.thread.epoch };
  });
  for (const { thread, head, latest } of grown.values()) {
    sql.advance.run(head, latest, thread.threadNo);
    thread.head = head;
  }
  return appended;
}

interface Growth {
  readonly thread: KnownThread;
  head: number;
  latest: number;
}

function beginGrowth(sql: Statements, known: KnownRows | null, threadId: ThreadId): Growth | null {
  const present = known?.thread(threadId);
  const thread = present ?? sql.thread.get(threadId);
  if (thread === undefined) return null;
  if (present === undefined) known?.knowThread(threadId, thread);
  return { thread, head: thread.head, latest: 0 };
}

function within(maxBytes: number | undefined, threadId: ThreadId, rows: Iterable<EventRow>): StoredEvent[] {
  const events: StoredEvent[] = [];
  let bytes = 0;
  for (const row of rows) {
    events.push(toEvent(threadId, row));
    if (maxBytes === undefined) continue;
    bytes += Buffer.byteLength(row[5]);
    if (bytes > maxBytes) break;
  }
  return events;
}

function toEvent(threadId: ThreadId, [seq, type, runId, agent, time, data]: EventRow): StoredEvent {
  return { threadId, seq, type, runId, agent, time, data };
}
