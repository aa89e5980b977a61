import type { RunId, ThreadId } from '../../ids/index.js';
import type { RecordedRequest, RunChanges, RunFence, RunPlace, RunRecord } from '../records.js';
import { RunStore } from '../run-store.js';
import type { Queries } from './connection.js';
import { PLACE, type PlaceRow, type RunRow, TAKEN, toRunPlace, toRunRecord, UNFINISHED } from './run-rows.js';
import { toText, toTextOrNull } from './text.js';

/** Under which requests that were asked without a thread are kept; no thread has it. */
const NO_THREAD = 0;

const OF_THREAD = 'thread_no = (select thread_no from threads where thread_id = $1)';

/** First the ones begun, in order of start, then the queued by position; alike ones as they were made. */
const ORDER = `status = 'queued', case when status = 'queued' then position else started_at end nulls first, run_no`;

const RUN = 'select * from runs where run_id = $1';
const ACTIVE = `select * from runs where ${OF_THREAD} and ${UNFINISHED} order by ${ORDER}`;
const ACTIVE_PLACES = `select ${PLACE} from runs where ${OF_THREAD} and ${UNFINISHED} order by ${ORDER}`;
const LATEST = `select ${PLACE} from runs where ${OF_THREAD} order by run_no desc limit $2`;
const ALL_UNFINISHED = `select ${PLACE} from runs where thread_no is not null and ${UNFINISHED} order by thread_no, ${ORDER}`;
const UNDER_WAY_OF = `select count(*) as runs from runs where user_id = $1 and not external and ${TAKEN}`;
const FENCES = 'select run_id, status, attempt from runs where run_id = any($1)';
const REQUEST = `select thread_id, run_id, seq from requests
  where thread_no = case when $1::text is null then ${NO_THREAD} else (select thread_no from threads where thread_id = $1) end
    and user_id = $2 and message_id = $3`;
const EVENT = `select seq from run_events
  where run_no = (select run_no from runs where run_id = $1) and event_id = $2`;
const INSERT = `insert into runs (run_id, thread_no, thread_id, agent, user_id, status, attempt, policy, external, position,
    input, message_id, associated, association_ms, inputs, created_at, started_at, ended_at, end_reason, node)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
  on conflict do nothing returning 1`;
/** A thread's deletion has erased the inputs; a step that comes after it must not bring them back. */
const UPDATE = `update runs set status = $2, attempt = $3, associated = $4, started_at = $6, ended_at = $7, end_reason = $8,
    node = $9,
    inputs = case when thread_no is null then '[]' else $5 end
  where run_id = $1 returning *`;
const RECORD_REQUEST = `insert into requests (thread_no, user_id, message_id, thread_id, run_id, seq)
  values ($1, $2, $3, $4, $5, $6) on conflict do nothing`;
const RECORD_EVENT = `insert into run_events (run_no, event_id, seq)
  values ((select run_no from runs where run_id = $1), $2, $3) on conflict do nothing`;

/** On the reading connections the committed runs, on the writing one those of the open transaction. */
const KEPT = 'select 1 from nodes where node = $1 and not released and expires_at >= clock_timestamp()';

export class PostgresRunStore extends RunStore {
  constructor(private readonly queries: Queries) {
    super();
  }

  override async get(runId: RunId): Promise<RunRecord | null> {
    const [row] = await this.queries.rows<RunRow>(RUN, [runId]);
    return row === undefined ? null : toRunRecord(row);
  }

  override async active(threadId: ThreadId): Promise<readonly RunRecord[]> {
    return (await this.queries.rows<RunRow>(ACTIVE, [threadId])).map(toRunRecord);
  }

  override async activePlaces(threadId: ThreadId): Promise<readonly RunPlace[]> {
    return (await this.queries.rows<PlaceRow>(ACTIVE_PLACES, [threadId])).map(toRunPlace);
  }

  override async latest(threadId: ThreadId, limit: number): Promise<readonly RunPlace[]> {
    return (await this.queries.rows<PlaceRow>(LATEST, [threadId, limit])).map(toRunPlace);
  }

  override async unfinished(): Promise<readonly RunPlace[]> {
    return (await this.queries.rows<PlaceRow>(ALL_UNFINISHED)).map(toRunPlace);
  }

  override async underWayOf(userId: string): Promise<number> {
    const [row] = await this.queries.rows<{ runs: number }>(UNDER_WAY_OF, [toText(userId)]);
    return row?.runs ?? 0;
  }

  override async fences(runIds: readonly RunId[]): Promise<ReadonlyMap<RunId, RunFence>> {
    const rows = await this.queries.rows<RunFence & { run_id: RunId }>(FENCES, [runIds]);
    return new Map(rows.map(({ run_id, status, attempt }) => [run_id, { status, attempt }]));
  }

  override async isKept(node: string): Promise<boolean> {
    return (await this.queries.rows(KEPT, [node])).length > 0;
  }

  override async findRequest(
    userId: string,
    threadId: ThreadId | null,
    messageId: string,
  ): Promise<RecordedRequest | null> {
    const values = [threadId, toText(userId), toText(messageId)];
    const [row] = await this.queries.rows<{ thread_id: ThreadId; run_id: RunId; seq: number | null }>(REQUEST, values);
    return row === undefined ? null : { threadId: row.thread_id, runId: row.run_id, messageId, seq: row.seq };
  }

  override async findEvent(runId: RunId, eventId: string): Promise<number | null> {
    const [row] = await this.queries.rows<{ seq: number }>(EVENT, [runId, toText(eventId)]);
    return row?.seq ?? null;
  }

  override async insert(run: RunRecord): Promise<boolean> {
    if ((await this.get(run.runId)) !== null) return false;
    const made = await this.queries.rows(INSERT, [
      run.runId,
      await this.#existing(run.threadId),
      run.threadId,
      toText(run.agent),
      toText(run.userId),
      run.status,
      run.attempt,
      run.policy,
      run.external,
      run.position,
      JSON.stringify(run.input),
      toTextOrNull(run.messageId),
      run.associated,
      run.associationMs,
      JSON.stringify(run.inputs),
      run.createdAt,
      run.startedAt,
      run.endedAt,
      toTextOrNull(run.endReason),
      run.node,
    ]);
    return made.length > 0;
  }

  override async update(runId: RunId, changes: RunChanges): Promise<RunRecord | null> {
    const before = await this.get(runId);
    if (before === null) return null;
    const run = { ...before, ...given(changes) };
    const [row] = await this.queries.rows<RunRow>(UPDATE, [
      runId,
      run.status,
      run.attempt,
      run.associated,
      JSON.stringify(run.inputs),
      run.startedAt,
      run.endedAt,
      toTextOrNull(run.endReason),
      run.node,
    ]);
    return row === undefined ? null : toRunRecord(row);
  }

  override async recordRequest(userId: string, threadId: ThreadId | null, request: RecordedRequest): Promise<void> {
    const threadNo = threadId === null ? NO_THREAD : await this.#existing(threadId);
    const { messageId, runId, seq } = request;
    const values = [threadNo, toText(userId), toText(messageId), request.threadId, runId, seq];
    await this.queries.rows(RECORD_REQUEST, values);
  }

  override async recordEvent(runId: RunId, eventId: string, seq: number): Promise<void> {
    await this.queries.rows(RECORD_EVENT, [runId, toText(eventId), seq]);
  }

  async #existing(threadId: ThreadId): Promise<number> {
    const statement = 'select thread_no from threads where thread_id = $1';
    const [row] = await this.queries.rows<{ thread_no: number }>(statement, [threadId]);
    if (row === undefined) throw new Error(`There is no thread ${threadId} to record a run or request of.`);
    return row.thread_no;
  }
}

function given(changes: RunChanges): RunChanges {
  const entries: [string, unknown][] = Object.entries(changes);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
