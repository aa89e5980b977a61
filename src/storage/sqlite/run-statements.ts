import type Database from 'better-sqlite3';

import type { RunId, ThreadId } from '../../ids/index.js';
import type { JsonValue, RunPolicy, RunStatus } from '../../protocol/index.js';
import type { RunFence, RunInput, RunPlace, RunRecord } from '../records.js';
import { preparer } from './query.js';

interface RunRow {
  run_id: RunId;
  thread_no: number | null;
  thread_id: ThreadId;
  agent: string;
  user_id: string;
  status: RunStatus;
  attempt: number;
  policy: RunPolicy;
  external: number;
  position: number;
  input: string;
  message_id: string | null;
  associated: number;
  association_ms: number;
  inputs: string;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  end_reason: string | null;
}

/** Columns that lie before the long ones: no page of an input is read for them. */
const PLACE = `run_id as runId, thread_id as threadId, agent, user_id as userId, status, attempt, policy, external, position`;

type PlaceRow = Omit<RunPlace, 'external' | 'node'> & { external: number };

interface RequestRow {
  thread_id: ThreadId;
  run_id: RunId;
  seq: number | null;
}

/** A run's columns as bound by name. */
type RunValues = Omit<RunRecord, 'external' | 'associated' | 'input' | 'inputs' | 'node'> & {
  threadNo: number;
  external: number;
  associated: number;
  input: string;
  inputs: string;
};

type RunUpdate = Pick<
  RunValues,
  'runId' | 'status' | 'attempt' | 'associated' | 'inputs' | 'startedAt' | 'endedAt' | 'endReason'
>;

const UNFINISHED = `status in ('queued', 'running', 'waiting_input')`;

/** First the ones begun, in order of start, then the queued by position; alike ones as they were made. */
const ORDER = `status = 'queued', iif(status = 'queued', position, started_at), run_no`;

export function prepareRuns(db: Database.Database) {
  const prepare = preparer(db);
  return {
    run: prepare<[RunId], RunRow>('select * from runs where run_id = ?'),
    active: prepare<[ThreadId], RunRow>(
      `select * from runs where thread_no = (select thread_no from threads where thread_id = ?) and ${UNFINISHED}
        order by ${ORDER}`,
    ),
    activePlaces: prepare<[ThreadId], PlaceRow>(
      `select ${PLACE} from runs
        where thread_no = (select thread_no from threads where thread_id = ?) and ${UNFINISHED} order by ${ORDER}`,
    ),
    latest: prepare<[ThreadId, limit: number], PlaceRow>(
      `select ${PLACE} from runs where thread_no = (select thread_no from threads where thread_id = ?)
        order by run_no desc limit ?`,
    ),
    unfinished: prepare<[], PlaceRow>(
      `select ${PLACE} from runs where thread_no is not null and ${UNFINISHED} order by thread_no, ${ORDER}`,
    ),
    underWayOf: prepare<[userId: string], number>(
      `select count(*) from runs where user_id = ? and not external and status in ('running', 'waiting_input')`,
    ).pluck(),
    fence: prepare<[RunId], RunFence>('select status, attempt from runs where run_id = ?'),
    threadNo: prepare<[ThreadId], number>('select thread_no from threads where thread_id = ?').pluck(),
    request: prepare<[threadNo: number, userId: string, messageId: string], RequestRow>(
      'select thread_id, run_id, seq from requests where thread_no = ? and user_id = ? and message_id = ?',
    ),
    event: prepare<[RunId, eventId: string], number>(
      'select seq from run_events where run_no = (select run_no from runs where run_id = ?) and event_id = ?',
    ).pluck(),

    insert: prepare<[RunValues]>(
      `insert into runs (run_id, thread_no, thread_id, agent, user_id, status, attempt, policy, external, position,
          input, message_id, associated, association_ms, inputs, created_at, started_at, ended_at, end_reason)
        values (@runId, @threadNo, @threadId, @agent, @userId, @status, @attempt, @policy, @external, @position,
          @input, @messageId, @associated, @associationMs, @inputs, @createdAt, @startedAt, @endedAt, @endReason)`,
    ),
    update: prepare<[RunUpdate]>(
      `update runs set status = @status, attempt = @attempt, associated = @associated, inputs = @inputs,
          started_at = @startedAt, ended_at = @endedAt, end_reason = @endReason
        where run_id = @runId`,
    ),
    recordRequest: prepare<[threadNo: number, userId: string, messageId: string, ThreadId, RunId, seq: number | null]>(
      `insert into requests (thread_no, user_id, message_id, thread_id, run_id, seq) values (?, ?, ?, ?, ?, ?)
        on conflict do nothing`,
    ),
    recordEvent: prepare<[RunId, eventId: string, seq: number]>(
      `insert into run_events (run_no, event_id, seq) values ((select run_no from runs where run_id = ?), ?, ?)
        on conflict do nothing`,
    ),
  };
}

export type RunStatements = ReturnType<typeof prepareRuns>;

export function toRunPlace(row: PlaceRow): RunPlace {
  return { ...row, external: row.external === 1, node: null };
}

export function toRunRecord(row: RunRow): RunRecord {
  return {
    runId: row.run_id,
    threadId: row.thread_id,
    agent: row.agent,
    userId: row.user_id,
    status: row.status,
    attempt: row.attempt,
    policy: row.policy,
    external: row.external === 1,
    position: row.position,
    input: JSON.parse(row.input) as JsonValue,
    messageId: row.message_id,
    associated: row.associated === 1,
    associationMs: row.association_ms,
    inputs: JSON.parse(row.inputs) as RunInput[],
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    endReason: row.end_reason,
    orphaned: row.thread_no === null,
    node: null,
  };
}
