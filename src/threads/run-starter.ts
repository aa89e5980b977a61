import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import { IdGenerator, type RunId, type ThreadId } from '../ids/index.js';
import {
  Storage,
  type NewEvent,
  type RecordedRequest,
  type RunPlace,
  type RunRecord,
  type ThreadStoreReader,
} from '../storage/index.js';
import { AppendPipeline } from './append-pipeline.js';
import { EventFactory } from './event-factory.js';
import { endRunWithin } from './run-ending.js';
import { isTaken, isWithin } from './run-admission.js';
import { RunPlaces } from './run-places.js';
import type { EarlierStart, StartCommand, StartOutcome } from './run-start.js';
import { taskBytes } from './task-bytes.js';
import { THREADS_OPTIONS, ThreadsOptions } from './threads-options.js';
import { ThreadsService } from './threads-service.js';
import type { WriteContext } from './write-context.js';

/** Where a run stands when it is made. */
interface Place {
  readonly position: number;
  /** It waits for nobody; who executes it is another process, so nobody here has to begin it. */
  readonly begins: boolean;
  /** It is this node's: to watch, or to begin at once. */
  readonly node: string | null;
}

/**
 * Starts runs: thread, message, run and the record that makes the request idempotent are one transaction, in
 * which the policy is decided too. Refused, it leaves nothing. What it made is `queued`; who executes it
 * begins it. Only a run of another process is `running` from the first where it waits for nobody.
 *
 * In a cluster the start also decides whether the run is this node's to begin at once, where that has a place for it. Nobody
 * else begins it then, and it counts as under way.
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
    private readonly places: RunPlaces,
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

  /**
   * Rejects with `thread_not_found` where `start` would at this moment, for what must not be asked before; the decision
   * is made by `start`, inside its transaction. Resolves with whose the run is.
   */
  reach(userId: string, threadId: ThreadId, everyThread: boolean): Promise<string> {
    return reachThread(this.storage.threads, userId, threadId, everyThread);
  }

  async start(command: StartCommand): Promise<StartOutcome> {
    const { content = '', metadata = null } = command.message ?? {};
    const bytes = taskBytes(content, metadata, command.input);
    const asked = command.external === undefined ? this.places.ask() : null;
    const users = asked !== null || this.#isOncePerUser(command) ? [command.userId] : [];
    const work = (write: WriteContext): Promise<StartOutcome> => this.#startWithin(write, command, asked !== null);
    try {
      const outcome = await this.pipeline.execute([command.target.threadId], work, bytes, users);
      const { runId, node } = outcome.run;
      if (node !== null && !outcome.duplicate) asked?.keep(runId);
      return outcome;
    } finally {
      asked?.giveBack();
    }
  }

  /** The same request may be sent to two nodes at once, and has no thread in common there whose lock it would wait for. */
  #isOncePerUser({ messageId, target }: StartCommand): boolean {
    return this.places.node !== null && messageId !== null && target.kind !== 'named';
  }

  /** `hasPlace`: the run may be this node's, if its turn is now. */
  async #startWithin(write: WriteContext, command: StartCommand, hasPlace: boolean): Promise<StartOutcome> {
    const repeated = await this.#repeated(write, command);
    if (repeated !== null) return repeated;
    const { threadId } = command.target;
    const userId = await this.#reachThread(write, command);
    // Told when the run begins; refused now, if it cannot be told then.
    if (command.message === null) this.events.make({ type: 'agent_started', data: { input: command.input } });
    const place = await this.#applyPolicy(write, command, hasPlace);

    const runId = command.external?.runId ?? this.ids.runId(threadId, this.clock.now());
    const messageId = command.messageId ?? this.ids.token('msg');
    const message = this.#message(command, runId, messageId);
    const seq = message === null ? null : await write.append(threadId, [message]);
    const run = this.#record({ ...command, userId }, runId, messageId, place);
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
    const mayRead = access !== null || command.external?.everyThread === true;
    if (run === null || !mayRead) throw new ThreadcastError('thread_not_found');
    if (command.message !== null && first.seq === null) {
      const message = 'This messageId was taken by a start without a message.';
      throw new ThreadcastError('already_exists', { message });
    }
    return { threadId: first.threadId, messageId, run, seq: first.seq, duplicate: true };
  }

  /** Resolves with whose the run is. */
  async #reachThread(write: WriteContext, command: StartCommand): Promise<string> {
    const { userId, target } = command;
    if (target.kind === 'new') {
      const made = await this.threads.createWithin(write, userId, target.threadId, {}, target.epoch);
      if (made.duplicate) throw new ThreadcastError('already_exists');
      return userId;
    }
    return reachThread(write.threads, userId, target.threadId, command.external?.everyThread === true);
  }

  /** Decides what the thread's unended runs mean for this start. */
  async #applyPolicy(write: WriteContext, command: StartCommand, hasPlace: boolean): Promise<Place> {
    const { target, policy, external } = command;
    const active = await write.runs.activePlaces(target.threadId);
    const queued = active.filter((run) => run.status === 'queued');
    if (policy === 'reject' && active.length > 0) throw new ThreadcastError('run_in_progress');
    const begins = external !== undefined && (policy !== 'queue' || active.length === 0);
    if (!begins) this.#checkQueue(policy, active);
    if (policy !== 'interrupt') {
      const position = queued.reduce((highest, run) => Math.max(highest, run.position), 0) + 1;
      return {
        position,
        begins,
        node: begins ? this.places.node : await this.#nodeOf(write, command, active, hasPlace),
      };
    }
    for (const { runId } of active.filter(isTaken)) {
      const run = await write.runs.get(runId);
      if (run === null) continue;
      await endRunWithin(write, this.events, run, this.clock.now(), {
        type: 'agent_cancelled',
        data: { reason: 'interrupted' },
      });
    }
    const position = queued.reduce((lowest, run) => Math.min(lowest, run.position), 1) - 1;
    return { position, begins, node: begins ? this.places.node : await this.#nodeOf(write, command, [], hasPlace) };
  }

  /** `active`: the runs of the thread that it has to wait for, or goes beside. */
  async #nodeOf(
    write: WriteContext,
    { userId, policy, external }: StartCommand,
    active: readonly RunPlace[],
    hasPlace: boolean,
  ): Promise<string | null> {
    if (!hasPlace || external !== undefined) return null;
    const isFirst = policy === 'parallel' || !active.some((run) => isTaken(run) || run.policy !== 'parallel');
    const begins = isFirst && (await isWithin(write, { userId, external: false }, this.places.maxPerUser));
    return begins ? this.places.node : null;
  }

  /**
   * A full queue holds nobody up who does not stand in it: what interrupts, or runs beside, waits for the limits on runs
   * alone, and is counted apart. What is queued with nothing under way is about to begin, and does not wait.
   */
  #checkQueue(policy: StartCommand['policy'], active: readonly RunPlace[]): void {
    const stands = isQueueing(policy);
    const queued = active.filter((run) => run.status === 'queued' && isQueueing(run.policy) === stands).length;
    const waiting = active.length > queued ? queued : Math.max(0, queued - 1);
    const wouldWait = stands ? active.length > 0 : waiting > 0;
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

  #record(command: StartCommand, runId: RunId, messageId: string, { position, begins, node }: Place): RunRecord {
    const now = this.clock.now();
    return {
      runId,
      threadId: command.target.threadId,
      agent: command.agent,
      userId: command.userId,
      status: begins ? 'running' : 'queued',
      attempt: 0,
      policy: command.policy,
      external: command.external !== undefined,
      position,
      input: command.input,
      messageId: command.message === null ? command.messageId : messageId,
      associated: command.associated,
      associationMs: command.associationMs,
      inputs: [],
      createdAt: now,
      startedAt: begins ? now : null,
      endedAt: null,
      endReason: null,
      orphaned: false,
      node,
    };
  }

  async #remember(write: WriteContext, command: StartCommand, request: RecordedRequest): Promise<void> {
    if (command.messageId === null) return;
    await write.runs.recordRequest(command.userId, request.threadId, request);
    if (command.target.kind !== 'named') await write.runs.recordRequest(command.userId, null, request);
  }
}

async function reachThread(
  threads: ThreadStoreReader,
  userId: string,
  threadId: ThreadId,
  everyThread: boolean,
): Promise<string> {
  if ((await threads.access(threadId, userId)) !== null) return userId;
  const thread = everyThread ? await threads.get(threadId) : null;
  if (thread === null) throw new ThreadcastError('thread_not_found');
  return thread.ownerId;
}

/** It waits for the runs before it on its thread. */
function isQueueing(policy: StartCommand['policy']): boolean {
  return policy === 'queue' || policy === 'reject';
}
