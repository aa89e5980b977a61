import type { RunId, ThreadId } from '../../ids/index.js';
import type { ThreadEventType } from '../../protocol/index.js';
import { type Append, type Appended, EventLog, type ReadBackRange, type ReadRange } from '../event-log.js';
import type { LogHead, NewEvent, StoredEvent } from '../records.js';
import type { Queries } from './connection.js';
import { fromTextOrNull, toTextOrNull } from './text.js';

interface EventRow {
  seq: number;
  type: ThreadEventType;
  run_id: RunId | null;
  agent: string | null;
  time: number;
  data: string;
}

/**
 * A page of a log as one statement: what it does not give it does not send. `before` is how much was read before a
 * row. Without an epoch, whichever log is there.
 */
function page(condition: string, order: 'asc' | 'desc'): string {
  return `select seq, type, run_id, agent, time, data from (
      select *, sum(octet_length(data)) over (order by seq ${order}) - octet_length(data) as before from (
        select seq, type, run_id, agent, time, data from events
          where thread_no = (select thread_no from threads where thread_id = $1 and epoch = coalesce($2, epoch))
            and ${condition} order by seq ${order} limit $4
      ) as bounded
    ) as measured where $5::bigint is null or before <= $5::bigint order by seq`;
}

const AFTER = page('seq > $3', 'asc');
const BEFORE = page('seq < $3', 'desc');

const HEADS = 'select thread_id, head, epoch from threads where thread_id = any($1)';

const ADVANCE = `update threads set head = head + added.count, updated_at = greatest(updated_at, added.latest)
  from unnest($1::text[], $2::bigint[], $3::bigint[]) as added (thread_id, count, latest)
  where threads.thread_id = added.thread_id returning threads.thread_id, thread_no, head, epoch`;

const INSERT = `insert into events (thread_no, seq, type, run_id, agent, time, data)
  select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[])`;

/** A log whose head is counted up as events are given their seqs. */
interface AdvancedLog {
  readonly threadNo: number;
  readonly epoch: string;
  head: number;
}

/** On the reading connections the committed logs, on the writing one those of the open transaction. */
export class PostgresEventLog extends EventLog {
  constructor(private readonly queries: Queries) {
    super();
  }

  override read(threadId: ThreadId, range: ReadRange): Promise<readonly StoredEvent[]> {
    return this.#page(AFTER, threadId, range.after, range);
  }

  override readBefore(threadId: ThreadId, range: ReadBackRange): Promise<readonly StoredEvent[]> {
    return this.#page(BEFORE, threadId, range.before, range);
  }

  override async head(threadId: ThreadId): Promise<LogHead | null> {
    return (await this.heads([threadId])).get(threadId) ?? null;
  }

  override async heads(threadIds: readonly ThreadId[]): Promise<ReadonlyMap<ThreadId, LogHead>> {
    const rows = await this.queries.rows<LogHead & { thread_id: ThreadId }>(HEADS, [threadIds]);
    return new Map(rows.map(({ thread_id, head, epoch }) => [thread_id, { head, epoch }]));
  }

  /** Two statements, however many threads and events. */
  override async append(appends: readonly Append[]): Promise<readonly Appended[]> {
    const logs = await this.#advance(appends);
    const rows: [threadNo: number, seq: number, event: NewEvent][] = [];
    const outcomes = appends.map(({ threadId, events }): Appended => {
      const log = logs.get(threadId);
      if (log === undefined) return null;
      const firstSeq = log.head + 1;
      for (const event of events) rows.push([log.threadNo, (log.head += 1), event]);
      return { firstSeq, head: log.head, epoch: log.epoch };
    });
    if (rows.length > 0) await this.queries.rows(INSERT, columns(rows));
    return outcomes;
  }

  /** Moves the heads of all, and answers where each was before. */
  async #advance(appends: readonly Append[]): Promise<Map<ThreadId, AdvancedLog>> {
    const added = new Map<ThreadId, { count: number; latest: number }>();
    for (const { threadId, events } of appends) {
      const sum = added.get(threadId) ?? { count: 0, latest: 0 };
      const latest = events.reduce((time, event) => Math.max(time, event.time), sum.latest);
      added.set(threadId, { count: sum.count + events.length, latest });
    }
    if (added.size === 0) return new Map();
    const sums = [...added.values()];
    const rows = await this.queries.rows<LogHead & { thread_id: ThreadId; thread_no: number }>(ADVANCE, [
      [...added.keys()],
      sums.map(({ count }) => count),
      sums.map(({ latest }) => latest),
    ]);
    return new Map(
      rows.map(({ thread_id, thread_no, head, epoch }) => {
        return [thread_id, { threadNo: thread_no, epoch, head: head - (added.get(thread_id)?.count ?? 0) }];
      }),
    );
  }

  async #page(
    statement: string,
    threadId: ThreadId,
    seq: number,
    { limit, maxBytes, epoch }: { limit: number; maxBytes?: number; epoch?: string },
  ): Promise<StoredEvent[]> {
    const values = [threadId, epoch ?? null, seq, limit, maxBytes ?? null];
    const rows = await this.queries.rows<EventRow>(statement, values);
    return rows.map((row) => ({
      threadId,
      seq: row.seq,
      type: row.type,
      runId: row.run_id,
      agent: fromTextOrNull(row.agent),
      time: row.time,
      data: row.data,
    }));
  }
}

function columns(rows: readonly (readonly [threadNo: number, seq: number, event: NewEvent])[]): unknown[] {
  return [
    rows.map(([threadNo]) => threadNo),
    rows.map(([, seq]) => seq),
    rows.map(([, , event]) => event.type),
    rows.map(([, , event]) => event.runId),
    rows.map(([, , event]) => toTextOrNull(event.agent)),
    rows.map(([, , event]) => event.time),
    rows.map(([, , event]) => event.data),
  ];
}
