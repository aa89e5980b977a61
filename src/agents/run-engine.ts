import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import type { RunId, ThreadId } from '../ids/index.js';
import { Log } from '../logs/index.js';
import type { JsonValue, RunStatus, ThreadEventType } from '../protocol/index.js';
import type { RunPlace, RunRecord, StoredEvent } from '../storage/index.js';
import { CommitFeed, hasEnded, isTerminalType, type CommitListener } from '../threads/index.js';
import { AgentCatalogue } from './agent-catalogue.js';
import type { IncomingMessage } from './agent.js';
import { ExecutionTools } from './execution-tools.js';
import type { ExecutionView } from './execution-view.js';
import { ExternalWatch } from './external-watch.js';
import { missingAgent } from './missing-agent.js';
import { RunCorrections } from './run-corrections.js';
import { cancelledEnd } from './run-ends.js';
import { RunExecution, type ExecutionListener } from './run-execution.js';
import { RunTraces } from './run-traces.js';
import { RunScheduler } from './run-scheduler.js';

/** What a start asks an agent for. */
export type RunSource = { readonly input: JsonValue } | { readonly message: IncomingMessage };

export interface StoppedRun {
  readonly runId: RunId;
  readonly status: RunStatus;
}

/**
 * Executes runs. What is durable about them is the registry's; here is what this process does at the moment.
 *
 * It hears of every end from the commits: whoever appended it (the agent's own, a stop, an interrupt, a timeout,
 * the deletion of the thread), the execution is told to stop and those that wait get their turn.
 */
@Injectable()
export class RunEngine implements CommitListener, ExecutionListener, OnModuleInit, OnModuleDestroy {
  readonly #log = new Log(RunEngine.name);
  readonly #scheduler: RunScheduler;
  readonly #executions = new Map<RunId, RunExecution>();
  readonly #waitingForInput = new Set<RunExecution>();
  readonly #corrections: RunCorrections;
  readonly #traces: RunTraces;
  #unsubscribe: (() => void) | null = null;
  #onQuiet: (() => void) | null = null;

  constructor(
    private readonly catalogue: AgentCatalogue,
    private readonly tools: ExecutionTools,
    private readonly external: ExternalWatch,
    private readonly feed: CommitFeed,
  ) {
    const { options, clock, tracing } = tools;
    this.#traces = new RunTraces(tracing);
    this.#corrections = new RunCorrections(tools, this.#log);
    this.#scheduler = new RunScheduler(
      options,
      (run) => (run.external ? this.external.admit(run.runId) : this.#execute(run, null)),
      (fire) => clock.soon(fire),
    );
  }

  onModuleInit(): void {
    this.#unsubscribe = this.feed.subscribe(this);
  }

  /** Without a drain before, what is under way is left as a crash would leave it. */
  onModuleDestroy(): void {
    this.#unsubscribe?.();
    this.#abandon();
  }

  /**
   * Checks a start before anything is written: which agent answers, and what it is given. Throws `agent_not_found`,
   * and what the agent refuses the input with (`invalid_payload`).
   */
  prepare(agentName: string | undefined, source: RunSource): { readonly agent: string; readonly input: JsonValue } {
    const { name, runner } = this.catalogue.get(agentName ?? this.tools.options.defaultAgent);
    const input = 'message' in source ? runner.inputFromMessage(source.message) : source.input;
    return { agent: name, input: runner.checkInput(input) };
  }

  /**
   * Takes over a run that is durable as `queued`, and says whether it begins now or waits. To be called as soon as the
   * start has resolved, without waiting in between: until then a run with the policy `interrupt` has no place before
   * the thread's queue. Called again for the same run, it changes nothing. A run of another process may be under way
   * already.
   *
   * `association`: what has become of the one that the run's record tells of. `not_made`: the record is corrected, and
   * the run begins after that.
   */
  dispatch(given: RunPlace, association: 'as_recorded' | 'not_made' = 'as_recorded'): 'queued' | 'running' {
    const run = placeOf(given);
    if (association === 'not_made') this.#corrections.dissociate(run);
    if (run.policy === 'interrupt' && !this.#scheduler.has(run.runId)) {
      for (const runId of this.#scheduler.underWay(run.threadId)) {
        this.#executions.get(runId)?.interrupt(run);
        this.external.interrupt(runId, run);
      }
    }
    if (!this.#scheduler.has(run.runId)) {
      this.#tell(run.status === 'queued' ? 'queued' : 'running', run);
      this.#traces.asked(run);
    }
    const state = run.external ? this.#takeExternal(run) : this.#scheduler.add(run);
    this.#gauge();
    return state;
  }

  /** What this process does with a run; null: it has it not in hand. */
  view(runId: RunId): ExecutionView | null {
    const place = this.#scheduler.place(runId);
    if (place === null) return null;
    const { state, ahead } = place;
    const waitsFor = state === 'running' ? null : ahead > 0 ? 'thread' : 'limits';
    const executed = this.#executions.get(runId)?.progress;
    const idle = { workedMs: null, silentMs: null, unsettledBytes: null };
    return { runId, state: state === 'queued' ? 'queued' : 'external', waitsFor, ahead, ...(executed ?? idle) };
  }

  /** Goes on with a run of a dead process, which the registry has resumed. */
  adopt(run: RunRecord): void {
    this.#scheduler.occupy(placeOf(run));
    this.#execute(run, run);
    this.#gauge();
  }

  /** Of a run that is in hand here, waiting or under way; null: it is not. */
  threadOf(runId: RunId): ThreadId | null {
    return this.#scheduler.placeOf(runId)?.threadId ?? null;
  }

  /**
   * Cancels a run, waiting or under way; one that has ended is told with its status. Rejects with `run_not_found` for
   * who may not read its thread.
   */
  async stop(userId: string, runId: RunId, reason = 'stopped'): Promise<StoppedRun> {
    return this.cancel(await this.tools.registry.get(userId, runId), userId, reason);
  }

  /** The same for a run that the caller has seen. `by`: who wants it; null: a producer. */
  async cancel(run: RunRecord, by: string | null, reason = 'stopped'): Promise<StoppedRun> {
    const { registry, events } = this.tools;
    const { runId, status } = run;
    if (hasEnded(status)) return { runId, status };
    const stopped = await registry.stop(run, cancelledEnd(events, reason), by);
    return { runId, status: (stopped ?? (await registry.find(runId))).status };
  }

  /** Gives a run the input that it asked for. Rejects with `run_not_found`, `run_ended`, `input_closed`. */
  async provideInput(userId: string, runId: RunId, requestId: string, value: JsonValue): Promise<{ runId: RunId }> {
    return this.answer(await this.tools.registry.get(userId, runId), userId, requestId, value);
  }

  /** The same for a run that the caller has seen. `by`: who answers; null: a producer. */
  async answer(run: RunRecord, by: string | null, requestId: string, value: JsonValue): Promise<{ runId: RunId }> {
    const { runId } = run;
    await this.tools.registry.answerInput(run, requestId, value, by);
    this.#executions.get(runId)?.answer(requestId, value);
    return { runId };
  }

  /**
   * Begins nothing more, lets what is at work finish until the signal is aborted, and then leaves the rest, and what
   * waits for input, for the recovery of the next start: their agents are told to stop, no end is appended.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#scheduler.pause();
    await new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
      this.#tellQuiet();
    });
    const left = this.#executions.size;
    this.#abandon();
    if (left > 0) this.#log.warn(`${left} runs are left for recovery at the next start.`);
  }

  committed(threadId: ThreadId, events: readonly StoredEvent[]): void {
    for (const event of events) {
      const { runId, type } = event;
      if (runId === null) continue;
      const state = STATES[type];
      if (state !== undefined) this.#tell(state, this.#scheduler.placeOf(runId) ?? { runId, threadId }, type);
      if (isTerminalType(type)) this.#ended(event, runId);
      else {
        this.#executions.get(runId)?.observe(event);
        this.external.observe(runId, event);
      }
    }
  }

  deleted(threadId: ThreadId): void {
    for (const runId of this.#scheduler.releaseThread(threadId)) {
      this.#tell('cancelled', { runId, threadId }, 'thread_deleted');
      this.tools.metrics.add('threadcast_agents_runs_total', { outcome: 'cancelled' });
      this.#traces.ended(runId, 'cancelled');
      this.#executions.get(runId)?.over();
      this.external.over(runId);
    }
    this.#gauge();
  }

  onOver(execution: RunExecution): void {
    this.#traces.ended(execution.runId, null);
    this.#executions.delete(execution.runId);
    this.#waitingForInput.delete(execution);
    this.#scheduler.release(execution.runId);
    this.#gauge();
    this.#tellQuiet();
  }

  onRest(execution: RunExecution): void {
    if (execution.waitsForInput) this.#waitingForInput.add(execution);
    else this.#waitingForInput.delete(execution);
    this.#tell(execution.waitsForInput ? 'waiting_input' : 'running', execution.place);
    this.#gauge();
    this.#tellQuiet();
  }

  #ended(event: StoredEvent, runId: RunId): void {
    const outcome = outcomeOf(event);
    this.tools.metrics.add('threadcast_agents_runs_total', { outcome });
    this.#traces.ended(runId, outcome);
    const execution = this.#executions.get(runId);
    if (execution !== undefined) execution.over();
    else this.#scheduler.release(runId);
    this.external.over(runId);
    this.#gauge();
  }

  #takeExternal(run: RunPlace): 'queued' | 'running' {
    this.external.add(run, () => {
      this.#scheduler.release(run.runId);
      this.#gauge();
    });
    if (run.status === 'queued') return this.#scheduler.add(run);
    this.#scheduler.occupy(run);
    this.external.watch(run.runId);
    return 'running';
  }

  /** `resumed`: the run as its taking up has left it; null when it is still to be taken up. */
  #execute(run: RunPlace, resumed: RunRecord | null): void {
    const agent = this.catalogue.find(run.agent) ?? missingAgent(run.agent);
    const execution = new RunExecution(run, agent, this.tools, this.#log, this);
    this.#executions.set(run.runId, execution);
    this.#traces.execute(run, () => void execution.execute(resumed, this.#corrections.of(run.runId)));
  }

  /** `why`: the event, or what else brought it there. */
  #tell(state: RunStatus, { runId, threadId, userId, agent }: NamedRun, why?: string): void {
    if (this.#log.debugs) this.#log.debug(`run ${state}`, { runId, threadId, userId, agent, state, reason: why });
  }

  #abandon(): void {
    this.#corrections.abandon();
    this.#traces.abandon();
    this.#scheduler.pause();
    for (const execution of this.#executions.values()) execution.abandon();
    this.#executions.clear();
    this.#waitingForInput.clear();
  }

  #tellQuiet(): void {
    if (this.#executions.size === this.#waitingForInput.size) this.#onQuiet?.();
  }

  #gauge(): void {
    const { metrics } = this.tools;
    const waitingForInput = this.#waitingForInput.size;
    metrics.set('threadcast_agents_runs', { state: 'queued' }, this.#scheduler.waiting);
    metrics.set('threadcast_agents_runs', { state: 'running' }, this.#executions.size - waitingForInput);
    metrics.set('threadcast_agents_runs', { state: 'waiting_input' }, waitingForInput);
    metrics.set('threadcast_agents_runs', { state: 'external' }, this.external.size);
  }
}

/** What a run is from an event on; of requests for input its execution knows more. */
const STATES: Readonly<Partial<Record<ThreadEventType, RunStatus>>> = {
  agent_started: 'running',
  agent_completed: 'completed',
  agent_error: 'failed',
  agent_cancelled: 'cancelled',
};

type NamedRun = Pick<RunPlace, 'runId' | 'threadId'> & Partial<Pick<RunPlace, 'userId' | 'agent'>>;

/** The scheduler keeps what it is given for as long as a run waits: its content is not to be held with it. */
function placeOf(run: RunPlace): RunPlace {
  const { runId, threadId, agent, userId, status, attempt, policy, external, position, node } = run;
  return { runId, threadId, agent, userId, status, attempt, policy, external, position, node };
}

function outcomeOf(event: StoredEvent): string {
  if (event.type === 'agent_completed') return 'completed';
  if (event.type === 'agent_cancelled') return 'cancelled';
  return (JSON.parse(event.data) as { code: string }).code;
}
