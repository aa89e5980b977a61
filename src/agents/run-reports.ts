import type { Log } from '../logs/index.js';
import type { RunStatus, ThreadEventType } from '../protocol/index.js';
import type { RunPlace, StoredEvent } from '../storage/index.js';
import type { ExecutionTools } from './execution-tools.js';
import { RunTraces } from './run-traces.js';

export type NamedRun = Pick<RunPlace, 'runId' | 'threadId'> & Partial<Pick<RunPlace, 'userId' | 'agent'>>;

/** How many runs this process has in hand, by what they do. */
export interface RunCounts {
  readonly queued: number;
  readonly executed: number;
  readonly waitingForInput: number;
  readonly external: number;
}

/** What the engine lets those know who look after it: log lines, figures, traces. */
export class RunReports {
  readonly traces: RunTraces;

  constructor(
    private readonly tools: ExecutionTools,
    private readonly log: Log,
  ) {
    this.traces = new RunTraces(tools.tracing);
  }

  /** `why`: the event, or what else brought it there. */
  tell(state: RunStatus, { runId, threadId, userId, agent }: NamedRun, why?: string): void {
    if (this.log.debugs) this.log.debug(`run ${state}`, { runId, threadId, userId, agent, state, reason: why });
  }

  /** Of an event of a run, where it says what the run is from then on. */
  event({ type }: StoredEvent, run: NamedRun): void {
    const state = STATES[type];
    if (state !== undefined) this.tell(state, run, type);
  }

  /** An end that this process has stored: each is counted once, wherever the run was executed. */
  ended(event: StoredEvent, { runId }: NamedRun): void {
    const outcome = outcomeOf(event);
    this.tools.metrics.add('threadcast_agents_runs_total', { outcome });
    this.traces.ended(runId, outcome);
  }

  /** Null: with its thread, which is counted by whoever had the run in hand. */
  endedElsewhere(event: StoredEvent | null, run: NamedRun): void {
    if (event === null) {
      this.deleted(run);
      return;
    }
    this.event(event, run);
    this.traces.ended(run.runId, outcomeOf(event));
  }

  deleted(run: NamedRun): void {
    this.tell('cancelled', run, 'thread_deleted');
    this.tools.metrics.add('threadcast_agents_runs_total', { outcome: 'cancelled' });
    this.traces.ended(run.runId, 'cancelled');
  }

  gauge({ queued, executed, waitingForInput, external }: RunCounts): void {
    const { metrics } = this.tools;
    metrics.set('threadcast_agents_runs', { state: 'queued' }, queued);
    metrics.set('threadcast_agents_runs', { state: 'running' }, executed - waitingForInput);
    metrics.set('threadcast_agents_runs', { state: 'waiting_input' }, waitingForInput);
    metrics.set('threadcast_agents_runs', { state: 'external' }, external);
  }
}

/** What a run is from an event on; of requests for input its execution knows more. */
const STATES: Readonly<Partial<Record<ThreadEventType, RunStatus>>> = {
  agent_started: 'running',
  agent_completed: 'completed',
  agent_error: 'failed',
  agent_cancelled: 'cancelled',
};

function outcomeOf(event: StoredEvent): string {
  if (event.type === 'agent_completed') return 'completed';
  if (event.type === 'agent_cancelled') return 'cancelled';
  return (JSON.parse(event.data) as { code: string }).code;
}
