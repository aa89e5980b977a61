import type { RunId } from '../ids/index.js';
import type { Standing } from './run-turns.js';

/** What this process does with a run at the moment, without its content. */
export interface ExecutionView {
  readonly runId: RunId;
  /** `external`: another process executes it, and it holds its place in the thread here. */
  readonly state: 'queued' | 'taking_up' | 'working' | 'waiting_input' | 'ending' | 'external';
  /** What a queued run waits for: other runs of its thread, or a free place within the limits. */
  readonly waitsFor: 'thread' | 'limits' | null;
  /** Runs of its thread that go before a queued one, those under way included. */
  readonly ahead: number;
  /** How long it has worked, without the time in which it waited for input; null: it is not executed here. */
  readonly workedMs: number | null;
  /** How long it has appended nothing; null also while it waits for input. */
  readonly silentMs: number | null;
  /** What it has emitted and the storage has not settled. */
  readonly unsettledBytes: number | null;
}

/** Of one that is executed here. */
export type ExecutionProgress = Pick<ExecutionView, 'workedMs' | 'silentMs' | 'unsettledBytes'> & {
  readonly state: Exclude<ExecutionView['state'], 'queued' | 'external'>;
};

/** `progress` null: it is not executed here, or is over. */
export function executionView(
  runId: RunId,
  { state, ahead }: Standing,
  progress: ExecutionProgress | null,
): ExecutionView {
  const waitsFor = state === 'running' ? null : ahead > 0 ? 'thread' : 'limits';
  const idle = { workedMs: null, silentMs: null, unsettledBytes: null };
  return { runId, state: state === 'queued' ? 'queued' : 'external', waitsFor, ahead, ...(progress ?? idle) };
}
