import type { RunId, ThreadId } from '../../ids/index.js';
import type { RecordedRequest, RunChanges, RunFence, RunPlace, RunRecord } from '../records.js';
import { RunStore } from '../run-store.js';
import { Prepared, type SqliteConnection } from './connection.js';
import { prepareRuns, type RunStatements, toRunPlace, toRunRecord } from './run-statements.js';

/** Under which requests that were asked without a thread are kept; no thread has it. */
const NO_THREAD = 0;

/** On the reading connection the committed runs, on the writing one those of the open transaction. */
export class SqliteRunStore extends RunStore {
  readonly #sql: Prepared<RunStatements>;

  constructor(private readonly connection: SqliteConnection) {
    super();
    this.#sql = new Prepared(connection, prepareRuns);
  }

  override get(runId: RunId): Promise<RunRecord | null> {
    return this.#sql.use((sql) => {
      const row = sql.run.get(runId);
      return row === undefined ? null : toRunRecord(row);
    });
  }

  override active(threadId: ThreadId): Promise<readonly RunRecord[]> {
    return this.#sql.use((sql) => sql.active.all(threadId).map(toRunRecord));
  }

  override activePlaces(threadId: ThreadId): Promise<readonly RunPlace[]> {
    return this.#sql.use((sql) => sql.activePlaces.all(threadId).map(toRunPlace));
  }

  override latest(threadId: ThreadId, limit: number): Promise<readonly RunPlace[]> {
    return this.#sql.use((sql) => sql.latest.all(threadId, limit).map(toRunPlace));
  }

  override unfinished(): Promise<readonly RunPlace[]> {
    return this.#sql.use((sql) => sql.unfinished.all().map(toRunPlace));
  }

  override underWayOf(userId: string): Promise<number> {
    return this.#sql.use((sql) => sql.underWayOf.get(userId) ?? 0);
  }

  override fences(runIds: readonly RunId[]): Promise<ReadonlyMap<RunId, RunFence>> {
    const { known } = this.connection;
    return this.#sql.use((sql) => {
      const fences = new Map<RunId, RunFence>();
      for (const runId of runIds) {
        const present = known?.fence(runId);
        const fence = present ?? sql.fence.get(runId);
        if (fence === undefined) continue;
        if (present === undefined) known?.knowFence(runId, fence);
        fences.set(runId, fence);
      }
      return fences;
    });
  }

  override isKept(): Promise<boolean> {
    return Promise.resolve(false);
  }

  override findRequest(userId: string, threadId: ThreadId | null, messageId: string): Promise<RecordedRequest | null> {
    return this.#sql.use((sql) => {
      const threadNo = threadId === null ? NO_THREAD : sql.threadNo.get(threadId);
      if (threadNo === undefined) return null;
      const row = sql.request.get(threadNo, userId, messageId);
      return row === undefined ? null : { threadId: row.thread_id, runId: row.run_id, messageId, seq: row.seq };
    });
  }

  override findEvent(runId: RunId, eventId: string): Promise<number | null> {
    return this.#sql.use((sql) => sql.event.get(runId, eventId) ?? null);
  }

  override insert(run: RunRecord): Promise<boolean> {
    return this.#sql.use((sql) => {
      if (sql.run.get(run.runId) !== undefined) return false;
      sql.insert.run({
        ...run,
        threadNo: existing(sql, run.threadId),
        external: run.external ? 1 : 0,
        associated: run.associated ? 1 : 0,
        input: JSON.stringify(run.input),
        inputs: JSON.stringify(run.inputs),
      });
      this.connection.known?.knowFence(run.runId, run);
      return true;
    });
  }

  override update(runId: RunId, changes: RunChanges): Promise<RunRecord | null> {
    return this.#sql.use((sql) => {
      const row = sql.run.get(runId);
      if (row === undefined) return null;
      const run = { ...toRunRecord(row), ...given(changes) };
      // The thread's deletion has erased the inputs; a step that comes after it must not bring them back.
      const inputs = row.thread_no === null ? [] : run.inputs;
      sql.update.run({
        runId,
        status: run.status,
        attempt: run.attempt,
        associated: run.associated ? 1 : 0,
        inputs: JSON.stringify(inputs),
        startedAt: run.startedAt,
        endedAt: run.endedAt,
        endReason: run.endReason,
      });
      this.connection.known?.knowFence(runId, run);
      return { ...run, inputs, node: null };
    });
  }

  override recordRequest(userId: string, threadId: ThreadId | null, request: RecordedRequest): Promise<void> {
    return this.#sql.use((sql) => {
      const threadNo = threadId === null ? NO_THREAD : existing(sql, threadId);
      sql.recordRequest.run(threadNo, userId, request.messageId, request.threadId, request.runId, request.seq);
    });
  }

  override recordEvent(runId: RunId, eventId: string, seq: number): Promise<void> {
    return this.#sql.use((sql) => {
      sql.recordEvent.run(runId, eventId, seq);
    });
  }
}

function given(changes: RunChanges): RunChanges {
  const entries: [string, unknown][] = Object.entries(changes);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function existing(sql: RunStatements, threadId: ThreadId): number {
  const threadNo = sql.threadNo.get(threadId);
  if (threadNo === undefined) throw new Error(`There is no thread ${threadId} to record a run or request of.`);
  return threadNo;
}
