import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import type { RunId, ThreadId } from '../ids/index.js';
import { Log } from '../logs/index.js';
import type { JsonValue, RunStatus } from '../protocol/index.js';
import type { RunPlace, RunRecord, StoredEvent } from '../storage/index.js';
import { CommitFeed, hasEnded, isTerminalType, type CommitListener } from '../threads/index.js';
import { AgentCatalogue } from './agent-catalogue.js';
import type { IncomingMessage } from './agent.js';
import { ExecutionTools } from './execution-tools.js';
import { executionView, type ExecutionView } from './execution-view.js';
import { Executions } from './executions.js';
import { ExternalWatch } from './external-watch.js';
import { missingAgent } from './missing-agent.js';
import { RunCorrections } from './run-corrections.js';
import { cancelledEnd } from './run-ends.js';
import { RunExecution, type ExecutionListener } from './run-execution.js';
import { placeOf } from './run-place.js';
import { RunReports } from './run-reports.js';
import { TurnsMaker, type RunTurns } from './run-turns.js';

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
  readonly #turns: RunTurns;
  readonly #executions = new Executions();
  readonly #corrections: RunCorrections;
  readonly #reports: RunReports;
  #unsubscribe: (() => void) | null = null;

  constructor(
    private readonly catalogue: AgentCatalogue,
    private readonly tools: ExecutionTools,
    private readonly external: ExternalWatch,
    private readonly feed: CommitFeed,
    maker: TurnsMaker,
  ) {
    this.#reports = new RunReports(tools, this.#log);
    this.#corrections = new RunCorrections(tools, this.#log);
    this.#turns = maker.make((run) => this.#begin(run));
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
    if (run.policy === 'interrupt' && !this.#turns.has(run.runId)) {
      for (const runId of this.#turns.interrupted(run.threadId)) {
        this.#executions.get(runId)?.interrupt(run);
        this.external.interrupt(runId, run);
      }
    }
    if (!this.#turns.has(run.runId)) {
      this.#reports.tell(run.status === 'queued' ? 'queued' : 'running', run);
      this.#reports.traces.asked(run);
    }
    const state = run.external ? this.#takeExternal(run) : this.#turns.add(run);
    if (!this.#turns.has(run.runId)) this.#forget(run.runId);
    this.#gauge();
    return state;
  }

  /** What this process does with a run; null: it has it not in hand. */
  view(runId: RunId): ExecutionView | null {
    const standing = this.#turns.place(runId);
    return standing === null ? null : executionView(runId, standing, this.#executions.get(runId)?.progress ?? null);
  }

  /** Goes on with a run of a process that is gone, which the registry has resumed. */
  adopt(run: RunRecord): void {
    this.#turns.occupy(placeOf(run));
    this.#execute(run, run);
    this.#gauge();
  }

  executionOf(runId: RunId): RunExecution | undefined {
    return this.#executions.get(runId);
  }

  /** Those that are executed or watched here, and have been taken up. */
  inHand(): readonly RunId[] {
    return [...this.#executions.begun(), ...this.external.watched()];
  }

  has(runId: RunId): boolean {
    return this.#turns.has(runId);
  }

  /** The runs of a thread that are in hand here. */
  ofThread(threadId: ThreadId): readonly RunId[] {
    return this.#turns.ofThread(threadId);
  }

  /** Of a run that is in hand here, waiting or under way; null: it is not. */
  threadOf(runId: RunId): ThreadId | null {
    return this.#turns.placeOf(runId)?.threadId ?? null;
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
    this.#turns.pause();
    await this.#executions.quiet(signal);
    const left = this.#abandon();
    if (left > 0) this.#log.warn(`${left} runs are left for recovery at the next start.`);
  }

  committed(threadId: ThreadId, events: readonly StoredEvent[]): void {
    for (const event of events) {
      const { runId } = event;
      if (runId === null) continue;
      const run = this.#turns.placeOf(runId) ?? { runId, threadId };
      this.#reports.event(event, run);
      if (!isTerminalType(event.type)) {
        this.observe(event, runId);
        continue;
      }
      this.#reports.ended(event, run);
      this.leave(runId);
      this.#turns.ended(run);
    }
  }

  /** An event of a run was committed, here or elsewhere, other than its end. */
  observe(event: StoredEvent, runId: RunId): void {
    this.#executions.get(runId)?.observe(event);
    this.external.observe(runId, event);
  }

  /** An end of a run that is in hand here was committed elsewhere; null: its thread was deleted there. */
  endedElsewhere(event: StoredEvent | null, runId: RunId): void {
    const run = this.#turns.placeOf(runId);
    if (run === null) return;
    this.#reports.endedElsewhere(event, run);
    this.leave(runId);
    this.#turns.ended(run);
  }

  /** The run has ended, or is another node's: nothing more is done with it here. */
  leave(runId: RunId): void {
    const execution = this.#executions.get(runId);
    if (execution !== undefined) execution.over();
    else this.#turns.release(runId);
    this.external.over(runId);
    this.#gauge();
  }

  deleted(threadId: ThreadId): void {
    for (const runId of this.#turns.releaseThread(threadId)) {
      this.#reports.deleted({ runId, threadId });
      this.#executions.get(runId)?.over();
      this.external.over(runId);
    }
    this.#gauge();
  }

  onOver(execution: RunExecution): void {
    this.#reports.traces.ended(execution.runId, null);
    this.#executions.remove(execution);
    this.#turns.release(execution.runId);
    this.#gauge();
  }

  onRest(execution: RunExecution): void {
    this.#executions.rest(execution);
    this.#reports.tell(execution.waitsForInput ? 'waiting_input' : 'running', execution.place);
    this.#gauge();
  }

  #begin(run: RunPlace): void {
    if (!run.external) {
      this.#execute(run, null);
      return;
    }
    this.#know(run);
    this.external.admit(run.runId);
  }

  /** In a cluster, whoever begins it has it in hand. */
  #forget(runId: RunId): void {
    this.#reports.traces.ended(runId, null);
    this.external.over(runId);
  }

  #know(run: RunPlace): void {
    this.external.add(run, () => {
      this.#turns.release(run.runId);
      this.#gauge();
    });
  }

  #takeExternal(run: RunPlace): 'queued' | 'running' {
    this.#know(run);
    if (run.status === 'queued') return this.#turns.add(run);
    this.#turns.occupy(run);
    this.external.watch(run.runId);
    return 'running';
  }

  /** `resumed`: the run as its taking up has left it; null when it is still to be taken up. */
  #execute(run: RunPlace, resumed: RunRecord | null): void {
    const agent = this.catalogue.find(run.agent) ?? missingAgent(run.agent);
    const execution = new RunExecution(run, agent, this.tools, this.#log, this);
    this.#executions.add(execution);
    this.#reports.traces.execute(run, () => void execution.execute(resumed, this.#corrections.of(run.runId)));
  }

  #abandon(): number {
    this.#corrections.abandon();
    this.#reports.traces.abandon();
    this.#turns.pause();
    return this.#executions.abandon();
  }

  #gauge(): void {
    this.#reports.gauge({
      queued: this.#turns.waiting,
      executed: this.#executions.size,
      waitingForInput: this.#executions.waitingForInput,
      external: this.external.size,
    });
  }
}
