import type Database from 'better-sqlite3';

import type { RunId, ThreadId } from '../../ids/index.js';
import type { ThreadEventType } from '../../protocol/index.js';
import { type Append, type Appended, EventLog, type ReadBackRange, type ReadRange } from '../event-log.js';
import type { LogHead, StoredEvent } from '../records.js';
import { Prepared, type SqliteConnection } from './connection.js';

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
    advance: db
      .prepare<[number, number, ThreadId], [threadNo: number, head: number, epoch: string]>(
        `update threads set head = head + ?, updated_at = max(updated_at, ?) where thread_id = ?
          returning thread_no, head, epoch`,
      )
      .raw(),
    insert: db.prepare<[threadNo: number, ...EventRow]>(
      'insert into events (thread_no, seq, type, run_id, agent, time, data) values (?, ?, ?, ?, ?, ?, ?)',
    ),
  };
}

type Statements = ReturnType<typeof prepare>;

/** On the reading connection the committed logs, on the writing one those of the open transaction. */
export class SqliteEventLog extends EventLog {
  readonly #sql: Prepared<Statements>;

  constructor(connection: SqliteConnection) {
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
    return this.#sql.use((sql) => appends.map((append) => appendTo(sql, append)));
  }
}

function appendTo(sql: Statements, { threadId, events }: Append): Appended {
  const latest = events.reduce((time, event) => Math.max(time, event.time), 0);
  const advanced = sql.advance.get(events.length, latest, threadId);
  if (advanced === undefined) return null;
  const [threadNo, head, epoch] = advanced;
  const firstSeq = head - events.length + 1;
  let seq = firstSeq;
  for (const event of events) {
    sql.insert.run(threadNo, seq, event.type, event.runId, event.agent, event.time, event.data);
    seq += 1;
  }
  return { firstSeq, head, epoch };
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
