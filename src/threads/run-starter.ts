import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import { IdGenerator, type RunId, type ThreadId } from '../ids/index.js';
import type { JsonValue } from '../protocol/index.js';
import { Storage, type NewEvent, type RecordedRequest, type RunRecord } from '../storage/index.js';
import { AppendPipeline } from './append-pipeline.js';
import { EventFactory } from './event-factory.js';
import { endRunWithin } from './run-ending.js';
import { isUnderWay } from './run-machine.js';
import type { EarlierStart, StartCommand, StartOutcome } from './run-start.js';
import { THREADS_OPTIONS, ThreadsOptions } from './threads-options.js';
import { ThreadsService } from './threads-service.js';
import type { WriteContext } from './write-context.js';

/** Of a start, what is not what somebody said. */
const START_BYTES = 512;

function sizeOf(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/**
 * Starts runs: thread, message, run and the record that makes the request idempotent are one transaction, in
 * which the policy is decided too. Refused, it leaves nothing. What it made is `queued`; who executes it
 * begins it.
 */
@Injectable()
export class RunStarter {
  readonly #options: ThreadsOptions;

  constructor(
    private readonly storage: Storage,
    private readonly pipeline: AppendPipeline,
    private readonly threads: ThreadsService,
    private readonly events: EventFactory,
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
    @Inject(THREADS_OPTIONS) options: Partial<ThreadsOptions>,
  ) {
    this.#options = Object.assign(new ThreadsOptions(), options);
  }

  /**
   * What a repeated request got the first time, or null. A hint, for choosing the thread to associate; the
   * decision is made by `start`, inside its transaction.
   */
  async earlier(userId: string, named: ThreadId | null, messageId: string): Promise<EarlierStart | null> {
    return this.storage.runs.findRequest(userId, named, messageId);
  }

  start(command: StartCommand): Promise<StartOutcome> {
    const { content = '', metadata = null } = command.message ?? {};
    const bytes = START_BYTES + Buffer.byteLength(content) + sizeOf(metadata) + sizeOf(command.input);
    return this.pipeline.execute([command.target.threadId], (write) => this.#startWithin(write, command), bytes);
  }

  async #startWithin(write: WriteContext, command: StartCommand): Promise<StartOutcome> {
    const repeated = await this.#repeated(write, command);
    if (repeated !== null) return repeated;
    const { threadId } = command.target;
    await this.#reachThread(write, command);
    // Told when the run begins; refused now, if it cannot be told then.
    if (command.message === null) this.events.make({ type: 'agent_started', data: { input: command.input } });
    const position = await this.#applyPolicy(write, threadId, command.policy);

    const runId = this.ids.runId(threadId, this.clock.now());
    const messageId = command.messageId ?? this.ids.token('msg');
    const message = this.#message(command, runId, messageId);
    const seq = message === null ? null : await write.append(threadId, [message]);
    const run = this.#record(command, runId, messageId, position);
    if (!(await write.runs.insert(run))) throw new ThreadcastError('already_exists');
    await this.#remember(write, command, { threadId, runId, messageId, seq });
    return { threadId, messageId, run, seq, duplicate: false };
  }

  async #repeated(write: WriteContext, command: StartCommand): Promise<StartOutcome | null> {
    const { userId, target, messageId } = command;
    if (messageId === null) return null;
    const first =
      (target.kind === 'named' ? null : await write.runs.findRequest(userId, null, messageId)) ??
      (target.kind === 'new' ? null : await write.runs.findRequest(userId, target.threadId, messageId));
    if (first === null) return null;
    const run = await write.runs.get(first.runId);
    const access = await write.threads.access(first.threadId, userId);
    if (run === null || access === null) throw new ThreadcastError('thread_not_found');
    if (command.message !== null && first.seq === null) {
      const message = 'This messageId was taken by a start without a message.';
      throw new ThreadcastError('already_exists', { message });
    }
    return { threadId: first.threadId, messageId, run, seq: first.seq, duplicate: true };
  }

  async #reachThread(write: WriteContext, command: StartCommand): Promise<void> {
    const { userId, target } = command;
    if (target.kind === 'new') {
      const made = await this.threads.createWithin(write, userId, target.threadId, {}, target.epoch);
      if (made.duplicate) throw new ThreadcastError('already_exists');
      return;
    }
    if ((await write.threads.access(target.threadId, userId)) === null) throw new ThreadcastError('thread_not_found');
  }

  /** Decides what the thread's unended runs mean for this start; resolves with its place in the queue. */
  async #applyPolicy(write: WriteContext, threadId: ThreadId, policy: StartCommand['policy']): Promise<number> {
    const active = await write.runs.activePlaces(threadId);
    const queued = active.filter((run) => run.status === 'queued');
    if (policy === 'reject' && active.length > 0) throw new ThreadcastError('run_in_progress');
    this.#checkQueue(policy, active.length, queued.length);
    if (policy !== 'interrupt') return queued.reduce((highest, run) => Math.max(highest, run.position), 0) + 1;
    for (const { runId } of active.filter((other) => isUnderWay(other.status))) {
      const run = await write.runs.get(runId);
      if (run === null) continue;
      await endRunWithin(write, this.events, run, this.clock.now(), {
        type: 'agent_cancelled',
        data: { reason: 'interrupted' },
      });
    }
    return queued.reduce((lowest, run) => Math.min(lowest, run.position), 1) - 1;
  }

  /** What is queued with nothing under way is about to begin, and does not wait. */
  #checkQueue(policy: StartCommand['policy'], active: number, queued: number): void {
    const waiting = active > queued ? queued : Math.max(0, queued - 1);
    const wouldWait = policy === 'queue' ? active > 0 : waiting > 0;
    if (!wouldWait || waiting < this.#options.maxQueuedRunsPerThread) return;
    throw new ThreadcastError('run_queue_full', { retryAfterMs: 1_000 });
  }

  #message(command: StartCommand, runId: RunId, messageId: string): NewEvent | null {
    if (command.message === null) return null;
    const { content, metadata } = command.message;
    return this.events.make({
      type: 'message_created',
      data: {
        messageId,
        userId: command.userId,
        role: 'user',
        content,
        runId,
        ...(metadata === undefined ? {} : { metadata }),
      },
    });
  }

  #record(command: StartCommand, runId: RunId, messageId: string, position: number): RunRecord {
    return {
      runId,
      threadId: command.target.threadId,
      agent: command.agent,
      userId: command.userId,
      status: 'queued',
      attempt: 0,
      policy: command.policy,
      external: false,
      position,
      input: command.input,
      messageId: command.message === null ? command.messageId : messageId,
      associated: command.associated,
      inputs: [],
      createdAt: this.clock.now(),
      startedAt: null,
      endedAt: null,
      endReason: null,
      orphaned: false,
    };
  }

  async #remember(write: WriteContext, command: StartCommand, request: RecordedRequest): Promise<void> {
    if (command.messageId === null) return;
    await write.runs.recordRequest(command.userId, request.threadId, request);
    if (command.target.kind !== 'named') await write.runs.recordRequest(command.userId, null, request);
  }
}
