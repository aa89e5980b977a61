import { ThreadcastError } from '../errors/index.js';
import type { RunId } from '../ids/index.js';
import type { LineFields, Log } from '../logs/index.js';
import type { JsonValue } from '../protocol/index.js';
import type { RunPlace, RunRecord, StoredEvent } from '../storage/index.js';
import type { RunEnd } from '../threads/index.js';
import type { KnownAgent } from './agent-catalogue.js';
import type { AgentContext } from './agent.js';
import type { ExecutionTools } from './execution-tools.js';
import type { ExecutionProgress } from './execution-view.js';
import { guardedSignal } from './guarded-signal.js';
import { Questions } from './questions.js';
import { RunEmitter } from './run-emitter.js';
import { cancelledEnd, completedEnd, expiredEnd, failedEnd, overdueEnd, textOf } from './run-ends.js';
import { RunPast } from './run-past.js';
import { RunWatchdog } from './run-watchdog.js';
import { SendWindow } from './send-window.js';
import { untilStored } from './until-stored.js';

const DEFAULT_HISTORY_EVENTS = 1_000;

/**
 *     taking up → working → ending → over
 *         └──────────┴───────────────↗   the log has an end of it that came from elsewhere
 */
type Phase = 'taking_up' | 'working' | 'ending' | 'over';

export interface ExecutionListener {
  /** Told once, when the run is this process's no more; not when it is abandoned. */
  onOver(execution: RunExecution): void;
  /** It has begun to wait for input, or waits no more. */
  onRest(execution: RunExecution): void;
}

/**
 * One run, executed by this process: from its first event to its last. Ends it exactly once: here the first
 * who wants an end has it, in the registry the first of all.
 */
export class RunExecution {
  #phase: Phase = 'taking_up';
  #startSeq: number | null = null;
  /** Undefined until it works. */
  #attempt: number | undefined;
  readonly #abort = new AbortController();
  readonly #signal = guardedSignal(this.#abort.signal, (reason) => this.#complain('its abort listener failed', reason));
  readonly #window = new SendWindow(
    (reason) => this.#emitFailed(reason),
    (sends) => this.tools.metrics.add('threadcast_agents_fenced_events_total', {}, sends),
  );
  readonly #questions = new Questions(this.#window, (input) => {
    // Taken up from an earlier attempt, it has waited for a while.
    this.#watchdog.inputRequested(input.requestId, this.tools.clock.now() - input.requestedAt);
  });
  readonly #watchdog: RunWatchdog;

  constructor(
    readonly place: RunPlace,
    private readonly agent: KnownAgent,
    private readonly tools: ExecutionTools,
    private readonly log: Log,
    private readonly listener: ExecutionListener,
  ) {
    this.#watchdog = new RunWatchdog(tools.clock, tools.options, {
      onOverdue: (what) => void this.#end(overdueEnd(what)),
      onExpired: (requestId) => void this.#expire(requestId),
      onRest: () => listener.onRest(this),
    });
  }

  get runId(): RunId {
    return this.place.runId;
  }

  /** It has been taken up; before that the storage may still refuse it. */
  get begun(): boolean {
    return this.#attempt !== undefined;
  }

  get waitsForInput(): boolean {
    return this.#watchdog.resting;
  }

  /** What it waits for, as far as it has heard. */
  get openInputs(): number {
    return this.#watchdog.openInputs;
  }

  /** Null: it is over. */
  get progress(): ExecutionProgress | null {
    if (this.#phase === 'over') return null;
    const state = this.#phase === 'working' && this.waitsForInput ? 'waiting_input' : this.#phase;
    const { workedMs, silentMs } = this.#watchdog;
    return { state, workedMs, silentMs, unsettledBytes: this.#window.unsettledBytes };
  }

  /**
   * Executes a queued run, or one that was `resumed` before. Never rejects; resolves when it is over. It begins after
   * `before` has resolved, which must not reject.
   */
  async execute(resumed: RunRecord | null, before?: Promise<unknown>): Promise<void> {
    try {
      // Before anything else: also a run whose taking up is never answered comes to an end.
      this.#watchdog.start();
      if (before !== undefined) await before;
      const run = resumed ?? (await this.#takeUp());
      if (run === null || !this.#is('taking_up')) return;
      this.#phase = 'working';
      this.#attempt = run.attempt;
      const end = await this.#work(run);
      this.#window.seal(ended());
      await this.#window.settled();
      await this.#end(end);
    } catch (error) {
      await this.#end(failedEnd(this.tools.events, error));
    }
  }

  /** An event of this run was committed, other than its end. */
  observe(event: StoredEvent): void {
    this.#watchdog.progressed();
    if (event.type === 'agent_started') this.#startSeq = event.seq;
    if (event.type === 'input_requested') this.#watchdog.inputRequested(requestIdOf(event));
    if (event.type === 'input_received') this.#watchdog.inputReceived(requestIdOf(event));
  }

  /** The user's answer is durable. */
  answer(requestId: string, value: JsonValue): void {
    this.#questions.answer(requestId, value);
  }

  /** The same for one that another node has taken, of which this one may have heard nothing yet. */
  answeredElsewhere(requestId: string, value: JsonValue): void {
    this.#watchdog.inputReceived(requestId);
    this.#questions.answer(requestId, value);
  }

  /**
   * Cancels a run that begins or has just begun. Scenario: the start of the one that interrupts was stored after this
   * run was, and before its first event; to the storage it was still waiting. One that was under way then has been
   * cancelled with that start.
   */
  interrupt(by: RunPlace): void {
    const { position, policy } = this.place;
    const early = this.#is('taking_up') || (this.#is('working') && policy !== 'parallel');
    if (early && by.position < position) void this.#end(cancelledEnd(this.tools.events, 'interrupted'));
  }

  /** The run has ended, by whomever, or is gone with its thread. */
  over(): void {
    if (this.#is('over')) return;
    this.#phase = 'over';
    this.#shut(ended());
    this.listener.onOver(this);
  }

  /** The process closes: the agent is told, and the run stays as it is for recovery. */
  abandon(): void {
    this.#phase = 'over';
    this.#shut(new ThreadcastError('draining'));
  }

  /** Null: it has ended before it began, its end is on its way, or in a cluster its turn has not come after all. */
  async #takeUp(): Promise<RunRecord | null> {
    const { registry, clock, metrics } = this.tools;
    const givenUp = (): boolean => !this.#is('taking_up');
    const input = await untilStored(clock, () => this.#loggedInput(), givenUp, this.#warn);
    const begin = async (tried: number): Promise<RunRecord | null> => {
      const begun = await registry.begin(this.place, input?.value);
      // A try whose outcome was never learned may have begun it.
      return begun === null && tried > 0 ? registry.resume(this.place) : begun;
    };
    const begun = await untilStored(clock, begin, givenUp, this.#warn);
    if (begun === undefined) return null;
    if (begun === null) this.over();
    else metrics.observe('threadcast_agents_wait_seconds', (clock.now() - begun.createdAt) / 1_000);
    return begun;
  }

  /** The input as `agent_started` tells it; of a run that answers a message nothing: the message is in the log. */
  async #loggedInput(): Promise<{ readonly value: JsonValue | undefined }> {
    const run = await this.tools.storage.runs.get(this.runId);
    if (run === null) return { value: undefined };
    const { messageId, userId, threadId, input } = run;
    if (messageId === null) return { value: input };
    const request = await this.tools.storage.runs.findRequest(userId, threadId, messageId);
    return { value: request !== null && request.seq === null ? input : undefined };
  }

  /** Lets the agent work; answers how it ended. */
  async #work(run: RunRecord): Promise<RunEnd> {
    const { events, clock, ids } = this.tools;
    const messageId = ids.token('msg');
    const begun = clock.monotonic();
    try {
      const result = await this.agent.runner.run(this.#context(run, messageId));
      return completedEnd(events, result, messageId, Math.round(clock.monotonic() - begun));
    } catch (error) {
      return failedEnd(events, error);
    }
  }

  #context(run: RunRecord, messageId: string): AgentContext {
    const { runId, threadId, userId, attempt, input, agent } = run;
    const { pipeline, events, storage, registry } = this.tools;
    const emitter = new RunEmitter(threadId, { runId, attempt, agent }, this.#window, pipeline, events);
    const past = new RunPast(storage.events, threadId, runId, this.#startSeq);
    return {
      ...{ runId, thread: { threadId }, userId, attempt, input, messageId, signal: this.#signal },
      emit: (type, data) => emitter.emit(type, data),
      write: (text) => emitter.emit('agent_delta', { messageId, text }),
      requestInput: (question) => this.#questions.ask(question, (request) => registry.requestInput(run, request)),
      history: (limit = DEFAULT_HISTORY_EVENTS) => past.read(limit),
    };
  }

  /** What one emit lost must not be followed by others as if nothing was: the run takes nothing but its end. */
  #emitFailed(reason: unknown): void {
    if (reason instanceof ThreadcastError && reason.code === 'run_ended') this.over();
    else void this.#end(failedEnd(this.tools.events, reason));
  }

  /** Never rejects. */
  async #end(end: RunEnd): Promise<void> {
    if (this.#is('ending', 'over')) return;
    this.#phase = 'ending';
    this.#shut(ended());
    try {
      await this.#store(end);
    } catch (error) {
      // Refused for its content; the run must not stay open for that.
      this.#complain(`${end.type} was refused`, error);
      const instead = failedEnd(this.tools.events, 'The end of the run could not be stored.');
      await this.#store(instead).catch((reason: unknown) => this.#complain('its end was refused', reason));
    }
    this.over();
  }

  /**
   * The time of a request for input is over. An answer that is stored first wins, and the run goes on; so the agent
   * hears of the end from its commit.
   */
  async #expire(requestId: string): Promise<void> {
    try {
      await this.#store(expiredEnd(requestId));
    } catch (error) {
      await this.#end(failedEnd(this.tools.events, error));
    }
  }

  #store(end: RunEnd): Promise<unknown> {
    const { registry, clock } = this.tools;
    return untilStored(
      clock,
      () => registry.end(this.place, end, this.#attempt),
      () => this.#is('over'),
      this.#warn,
    );
  }

  /** From here on the agent is told to stop, and nothing of it is taken. */
  #shut(reason: Error): void {
    this.#watchdog.stop();
    this.#window.close(reason);
    this.#questions.close(reason);
    this.#abort.abort(reason);
  }

  #is(...phases: Phase[]): boolean {
    return phases.includes(this.#phase);
  }

  readonly #warn = (reason: unknown): void => {
    this.log.warn(`the run waits for the storage: ${textOf(reason)}`, this.#names());
  };

  #complain(what: string, reason: unknown): void {
    this.log.error(`${what}: ${textOf(reason)}`, this.#names());
  }

  #names(): LineFields {
    const { runId, threadId, userId, agent } = this.place;
    return { runId, threadId, userId, agent };
  }
}

function ended(): ThreadcastError {
  return new ThreadcastError('run_ended');
}

function requestIdOf(event: StoredEvent): string {
  return (JSON.parse(event.data) as { requestId: string }).requestId;
}
