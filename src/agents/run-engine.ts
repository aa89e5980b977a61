import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import type { RunId, ThreadId } from '../ids/index.js';
import type { JsonValue, RunStatus } from '../protocol/index.js';
import type { RunPlace, RunRecord, StoredEvent } from '../storage/index.js';
import { CommitFeed, hasEnded, isTerminalType, type CommitListener } from '../threads/index.js';
import { AgentCatalogue } from './agent-catalogue.js';
import type { IncomingMessage } from './agent.js';
import { ExecutionTools } from './execution-tools.js';
import { missingAgent } from './missing-agent.js';
import { cancelledEnd } from './run-ends.js';
import { RunExecution } from './run-execution.js';
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
export class RunEngine implements CommitListener, OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(RunEngine.name);
  readonly #scheduler: RunScheduler;
  readonly #executions = new Map<RunId, RunExecution>();
  readonly #waitingForInput = new Set<RunExecution>();
  #unsubscribe: (() => void) | null = null;
  #onQuiet: (() => void) | null = null;

  constructor(
    private readonly catalogue: AgentCatalogue,
    private readonly tools: ExecutionTools,
    private readonly feed: CommitFeed,
  ) {
    const { options, clock } = tools;
    this.#scheduler = new RunScheduler(
      options,
      (run) => this.#execute(run, null),
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
   * the thread's queue. Called again for the same run, it changes nothing.
   */
  dispatch(given: RunPlace): 'queued' | 'running' {
    const run = placeOf(given);
    if (run.external) {
      this.#scheduler.occupy(run, false);
      return 'running';
    }
    if (run.policy === 'interrupt' && !this.#scheduler.has(run.runId)) {
      for (const runId of this.#scheduler.underWay(run.threadId)) {
        this.#executions.get(runId)?.interrupt(run);
      }
    }
    const state = this.#scheduler.add(run);
    this.#logger.debug(`${run.runId}: ${state === 'queued' ? 'waits' : 'begins'}`);
    this.#gauge();
    return state;
  }

  /** Goes on with a run of a dead process, which the registry has resumed. */
  adopt(run: RunRecord): void {
    this.#scheduler.occupy(placeOf(run), true);
    this.#execute(run, run);
    this.#gauge();
  }

  /**
   * Cancels a run, waiting or under way; one that has ended is told with its status. Rejects with `run_not_found` for
   * who may not read its thread.
   */
  async stop(userId: string, runId: RunId, reason = 'stopped'): Promise<StoppedRun> {
    const { registry, events } = this.tools;
    const run = await registry.get(userId, runId);
    if (hasEnded(run.status)) return { runId, status: run.status };
    const stopped = await registry.end(run, cancelledEnd(events, reason));
    return { runId, status: (stopped ?? (await registry.get(userId, runId))).status };
  }

  /** Gives a run the input that it asked for. Rejects with `run_not_found`, `run_ended`, `input_closed`. */
  async provideInput(userId: string, runId: RunId, requestId: string, value: JsonValue): Promise<{ runId: RunId }> {
    const { registry } = this.tools;
    await registry.answerInput(await registry.get(userId, runId), requestId, value);
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
    if (left > 0) this.#logger.warn(`${left} runs are left for recovery at the next start.`);
  }

  committed(_threadId: ThreadId, events: readonly StoredEvent[]): void {
    for (const event of events) {
      if (event.runId === null) continue;
      if (isTerminalType(event.type)) this.#ended(event, event.runId);
      else this.#observed(event, event.runId);
    }
  }

  deleted(threadId: ThreadId): void {
    for (const runId of this.#scheduler.releaseThread(threadId)) {
      this.#executions.get(runId)?.over();
    }
    this.#gauge();
  }

  #ended(event: StoredEvent, runId: RunId): void {
    const outcome = outcomeOf(event);
    this.tools.metrics.add('threadcast_agents_runs_total', { outcome });
    this.#logger.debug(`${runId}: ended, ${outcome}`);
    const execution = this.#executions.get(runId);
    if (execution !== undefined) execution.over();
    else this.#scheduler.release(runId);
    this.#gauge();
  }

  #observed(event: StoredEvent, runId: RunId): void {
    const execution = this.#executions.get(runId);
    if (execution === undefined) return;
    execution.observe(event);
    if (event.type !== 'input_requested' && event.type !== 'input_received') return;
    if (execution.waitsForInput) this.#waitingForInput.add(execution);
    else this.#waitingForInput.delete(execution);
    this.#logger.debug(`${runId}: ${execution.waitsForInput ? 'waits for input' : 'goes on'}`);
    this.#gauge();
    this.#tellQuiet();
  }

  /** `resumed`: the run as its taking up has left it; null when it is still to be taken up. */
  #execute(run: RunPlace, resumed: RunRecord | null): void {
    const agent = this.catalogue.find(run.agent) ?? missingAgent(run.agent);
    const execution = new RunExecution(run, agent, this.tools, this.#logger, (over) => this.#over(over));
    this.#executions.set(run.runId, execution);
    void execution.execute(resumed);
  }

  #over(execution: RunExecution): void {
    this.#executions.delete(execution.runId);
    this.#waitingForInput.delete(execution);
    this.#scheduler.release(execution.runId);
    this.#gauge();
    this.#tellQuiet();
  }

  #abandon(): void {
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
  }
}

/** The scheduler keeps what it is given for as long as a run waits: its content is not to be held with it. */
function placeOf(run: RunPlace): RunPlace {
  const { runId, threadId, agent, userId, status, attempt, policy, external, position } = run;
  return { runId, threadId, agent, userId, status, attempt, policy, external, position };
}

function outcomeOf(event: StoredEvent): string {
  if (event.type === 'agent_completed') return 'completed';
  if (event.type === 'agent_cancelled') return 'cancelled';
  return (JSON.parse(event.data) as { code: string }).code;
}
