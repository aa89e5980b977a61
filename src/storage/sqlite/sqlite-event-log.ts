import type Database from 'better-sqlite3';

import type { RunId, ThreadId } from '../../ids/index.js';
import type { ThreadEventType } from '../../protocol/index.js';
import { type Append, type Appended, EventLog, type ReadRange } from '../event-log.js';
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

function prepare(db: Database.Database) {
  const events = `select seq, type, run_id, agent, time, data from events
    where thread_no = (select thread_no from threads where thread_id = ?)`;
  return {
    after: db.prepare<[ThreadId, number, number], EventRow>(`${events} and seq > ? order by seq limit ?`).raw(),
    before: db.prepare<[ThreadId, number, number], EventRow>(`${events} and seq < ? order by seq desc limit ?`).raw(),
    head: db.prepare<[ThreadId], LogHead>('select head, epoch from threads where thread_id = ?'),
    advance: db
      .prepare<[number, number, ThreadId], [threadNo: number, head: number]>(
        `update threads set head = head + ?, updated_at = max(updated_at, ?) where thread_id = ?
          returning thread_no, head`,
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
      const { after, limit, maxBytes } = range;
      if (maxBytes !== undefined) return within(maxBytes, threadId, sql.after.iterate(threadId, after, limit));
      return sql.after.all(threadId, after, limit).map((row) => toEvent(threadId, row));
    });
  }

  override readBefore(threadId: ThreadId, before: number, limit: number): Promise<readonly StoredEvent[]> {
    return this.#sql.use((sql) =>
      sql.before
        .all(threadId, before, limit)
        .reverse()
        .map((row) => toEvent(threadId, row)),
    );
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
  const [threadNo, head] = advanced;
  const firstSeq = head - events.length + 1;
  let seq = firstSeq;
  for (const event of events) {
    sql.insert.run(threadNo, seq, event.type, event.runId, event.agent, event.time, event.data);
    seq += 1;
  }
  return { firstSeq, head };
}

function within(maxBytes: number, threadId: ThreadId, rows: Iterable<EventRow>): StoredEvent[] {
  const events: StoredEvent[] = [];
  let bytes = 0;
  for (const row of rows) {
    events.push(toEvent(threadId, row));
    bytes += Buffer.byteLength(row[5]);
    if (bytes > maxBytes) break;
  }
  return events;
}

function toEvent(threadId: ThreadId, [seq, type, runId, agent, time, data]: EventRow): StoredEvent {
  return { threadId, seq, type, runId, agent, time, data };
}
