import type { RunId, ThreadId } from '../../ids/index.js';
import type { JsonValue, RunPolicy, RunStatus } from '../../protocol/index.js';
import type { RunInput, RunPlace, RunRecord } from '../records.js';
import { fromText, fromTextOrNull } from './text.js';

export const PLACE = 'run_id, thread_id, agent, user_id, status, attempt, policy, external, position, node';
export const UNFINISHED = `status in ('queued', 'running', 'waiting_input')`;
/** Under way, or a node's to begin. As the indexes have it. */
export const TAKEN = `${UNFINISHED} and not (status = 'queued' and node is null)`;

/** A run without what may be long. */
export interface PlaceRow {
  run_id: RunId;
  thread_id: ThreadId;
  agent: string;
  user_id: string;
  status: RunStatus;
  attempt: number;
  policy: RunPolicy;
  external: boolean;
  position: number;
  node: string | null;
}

export interface RunRow extends PlaceRow {
  thread_no: number | null;
  input: string;
  message_id: string | null;
  associated: boolean;
  association_ms: number;
  inputs: string;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  end_reason: string | null;
}

export function toRunPlace(row: PlaceRow): RunPlace {
  return {
    runId: row.run_id,
    threadId: row.thread_id,
    agent: fromText(row.agent),
    userId: fromText(row.user_id),
    status: row.status,
    attempt: row.attempt,
    policy: row.policy,
    external: row.external,
    position: row.position,
    node: row.node,
  };
}

export function toRunRecord(row: RunRow): RunRecord {
  return {
    ...toRunPlace(row),
    input: JSON.parse(row.input) as JsonValue,
    messageId: fromTextOrNull(row.message_id),
    associated: row.associated,
    associationMs: row.association_ms,
    inputs: JSON.parse(row.inputs) as RunInput[],
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    endReason: fromTextOrNull(row.end_reason),
    orphaned: row.thread_no === null,
  };
}
