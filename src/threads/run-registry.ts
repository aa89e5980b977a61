import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import { IdGenerator, type RunId, type ThreadId } from '../ids/index.js';
import type { JsonValue } from '../protocol/index.js';
import {
  Storage,
  type EventLogReader,
  type RunInput,
  type RunPlace,
  type RunRecord,
  type ThreadStoreReader,
} from '../storage/index.js';
import { AppendPipeline } from './append-pipeline.js';
import type { RunAttempt } from './append-job.js';
import { EventFactory } from './event-factory.js';
import { fingerprint } from './fingerprint.js';
import { mayBegin } from './run-admission.js';
import { endRunWithin } from './run-ending.js';
import { askWithin } from './run-asking.js';
import { statusByInputs, type InputRequest } from './run-inputs.js';
import { hasEnded, isUnderWay, nextStatus, type RunEnd } from './run-machine.js';
import { isLeft, type LeftRun } from './run-left.js';
import { RunPlaces } from './run-places.js';
import { taskBytes } from './task-bytes.js';
import type { WriteContext } from './write-context.js';

/**
 * The durable truth about runs: which thread, whose, in which state, at which attempt. Each change goes with
 * its event in one transaction, and is refused where the state machine has no such step.
 */
@Injectable()
export class RunRegistry {
  constructor(
    private readonly storage: Storage,
    private readonly pipeline: AppendPipeline,
    private readonly events: EventFactory,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
    private readonly places: RunPlaces,
  ) {}

  /** Every run that has not ended, thread by thread; for recovery. */
  unfinished(): Promise<readonly RunPlace[]> {
    return this.storage.runs.unfinished();
  }

  /**
   * A run of a thread that the user may read; rejects with `run_not_found`. Of a thread that was deleted, whoever
   * owned it or started the run is told `run_ended`, also when the thread's id has been made again.
   */
  async get(userId: string, runId: RunId): Promise<RunRecord> {
    const run = await this.storage.runs.get(runId);
    if (run === null) throw new ThreadcastError('run_not_found');
    const refusal = await refusalFor(this.storage.threads, run, userId);
    if (refusal !== null) throw new ThreadcastError(refusal);
    return run;
  }

  /** Any run, for who may act on those of every thread. Rejects with `run_not_found`; of a deleted thread `run_ended`. */
  async find(runId: RunId): Promise<RunRecord> {
    const run = await this.storage.runs.get(runId);
    if (run === null) throw new ThreadcastError('run_not_found');
    if (run.orphaned) throw new ThreadcastError('run_ended');
    return run;
  }

  /**
   * Lets a queued run begin that another process executes: its turn has come, and that process may append. Null: it
   * has ended, or in a cluster its turn has not come. One that has begun already is as it is.
   */
  admit(run: Pick<RunRecord, 'runId' | 'threadId'>): Promise<RunRecord | null> {
    return this.#change(run, async (write, present) => {
      if (isUnderWay(present.status)) return present;
      const status = nextStatus(present.status, 'begin');
      if (status === null || !(await this.#mayBegin(write, present))) return null;
      return write.runs.update(present.runId, { status, startedAt: this.clock.now(), node: this.places.node });
    });
  }

  /**
   * Corrects the record of a run whose association had its place and was not made after all, or is gone. Before it
   * begins; what has begun or ended stays as it is. Resolves with whether there was something to correct.
   */
  async dissociate(run: Pick<RunRecord, 'runId' | 'threadId'>): Promise<boolean> {
    const corrected = await this.#change(run, async (write, present) =>
      present.status === 'queued' && present.associated
        ? write.runs.update(present.runId, { associated: false })
        : null,
    );
    return corrected !== null;
  }

  /**
   * Takes a queued run up: `agent_started` and the first attempt. Null when it is not queued any more, or in a cluster when
   * its turn has not come, or it is another node's: there it stays as it is.
   */
  begin(
    run: Pick<RunRecord, 'runId' | 'threadId' | 'userId'>,
    input: JsonValue | undefined,
  ): Promise<RunRecord | null> {
    return this.#change(
      run,
      async (write, present) => {
        const status = nextStatus(present.status, 'begin');
        if (status === null || !(await this.#mayBegin(write, present))) return null;
        const { runId, agent } = present;
        const data = input === undefined ? {} : { input };
        await write.append(present.threadId, [this.events.make({ type: 'agent_started', data, runId, agent })]);
        const { node } = this.places;
        return write.runs.update(runId, { status, attempt: present.attempt + 1, startedAt: this.clock.now(), node });
      },
      taskBytes(input),
      this.places.node === null ? [] : [run.userId],
    );
  }

  /**
   * Takes a run of a dead process up again, under a new attempt that fences the old one. Null: it has ended. What was
   * asked for stays open, and can be answered, whether or not the new attempt has come to asking for it again. In a
   * cluster it has to be this node's.
   */
  resume(run: Pick<RunRecord, 'runId' | 'threadId'>): Promise<RunRecord | null> {
    return this.#change(run, async (write, present) => {
      const status = nextStatus(present.status, 'resume');
      if (status === null || (this.places.node !== null && present.node !== this.places.node)) return null;
      return write.runs.update(present.runId, { status, attempt: present.attempt + 1 });
    });
  }

  /**
   * Takes a run from a node that is gone, as it was seen to be that node's: one under way goes on here under a new
   * attempt, which fences the old one; one of another process is watched here; a queued one is nobody's again. Null: it has
   * ended, somebody else has it by now, or that node has renewed its lease.
   */
  takeOver(run: LeftRun): Promise<RunRecord | null> {
    return this.#change(run, async (write, present) => {
      if (!(await isLeft(write, this.places, run, present))) return null;
      if (present.status === 'queued') return write.runs.update(present.runId, { node: null });
      const { node } = this.places;
      if (present.external) return write.runs.update(present.runId, { node });
      const status = nextStatus(present.status, 'resume') ?? present.status;
      return write.runs.update(present.runId, { status, attempt: present.attempt + 1, node });
    });
  }

  /** As `takeOver`, for a run that cannot go on: it gets its end. */
  endLeft(run: LeftRun, end: RunEnd): Promise<RunRecord | null> {
    return this.#change(run, async (write, present) => {
      if (!(await isLeft(write, this.places, run, present))) return null;
      return endRunWithin(write, this.events, present, this.clock.now(), end);
    });
  }

  /**
   * Ends a run with its terminal event. Null when it has ended already, or when `attempt` is given and is not
   * the present one: then nothing was appended. Without one, also when the run is another node's: who has not taken it up
   * has nothing to say of it.
   */
  end(run: Pick<RunRecord, 'runId' | 'threadId'>, end: RunEnd, attempt?: number): Promise<RunRecord | null> {
    return this.#change(
      run,
      async (write, present) => {
        if (attempt === undefined ? this.#isElsewhere(present) : present.attempt !== attempt) return null;
        return endRunWithin(write, this.events, present, this.clock.now(), end);
      },
      taskBytes(end.data),
    );
  }

  /**
   * As `end`, for a user who wants it: may they still, at the moment that counts? `by`: null for who may act on the runs of
   * every thread. Rejects as `get`.
   */
  stop(run: Pick<RunRecord, 'runId' | 'threadId'>, end: RunEnd, by: string | null): Promise<RunRecord | null> {
    const stopping: Change<RunRecord> = async (write, present) =>
      endRunWithin(write, this.events, present, this.clock.now(), end);
    return this.#change(run, permitted(by, stopping), taskBytes(end.data));
  }

  /**
   * Ends a run under way if that is due: `due` judges by the run and the log as they are inside the transaction, so that
   * nothing can come between. Null: it is not, or the run has ended.
   */
  endIfDue(
    run: Pick<RunRecord, 'runId' | 'threadId'>,
    due: (present: RunRecord, log: EventLogReader) => Promise<RunEnd | null>,
  ): Promise<RunRecord | null> {
    return this.#change(run, async (write, present) => {
      const end = isUnderWay(present.status) ? await due(present, write.events) : null;
      return end === null ? null : endRunWithin(write, this.events, present, this.clock.now(), end);
    });
  }

  /**
   * Asks the user for something: `input_requested`. What an earlier attempt has asked for already is taken up instead,
   * open or answered, and nothing is appended. Resolves with the request as it stands. Rejects with `run_ended` for
   * an attempt that is over.
   */
  requestInput(run: RunAttempt & { threadId: ThreadId }, request: InputRequest): Promise<RunInput> {
    return this.#mustChange(
      run,
      async (write, present) => {
        if (nextStatus(present.status, 'await_input') === null || present.attempt !== run.attempt) return null;
        const requestId = request.requestId ?? this.ids.token('input');
        const named = request.requestId !== undefined;
        return askWithin(write, this.events, present, this.clock.now(), { ...request, requestId, named });
      },
      taskBytes(request, request),
    );
  }

  /**
   * Gives the answer: `input_received`. The same answer again changes nothing; another one, a late one, or one
   * to a request that was never made is `input_closed`. `by` as for `stop`.
   */
  answerInput(run: RunRecord, requestId: string, value: JsonValue, by: string | null): Promise<RunRecord> {
    return this.#mustChange(
      run,
      permitted(by, async (write, present) => {
        const input = present.inputs.find((candidate) => candidate.requestId === requestId);
        const answerHash = fingerprint(value);
        if (input?.status === 'answered' && input.answerHash === answerHash) return present;
        if (input?.status !== 'open' || hasEnded(present.status)) throw new ThreadcastError('input_closed');
        const { runId, agent } = present;
        const event = this.events.make({ type: 'input_received', data: { requestId, value }, runId, agent });
        await write.append(present.threadId, [event]);
        const logged = (JSON.parse(event.data) as { value: JsonValue }).value;
        const answeredAt = this.clock.now();
        const given = fingerprint(logged) === answerHash ? {} : { given: value };
        const answered: RunInput = { ...input, ...given, status: 'answered', value: logged, answerHash, answeredAt };
        const inputs = present.inputs.map((candidate) => (candidate === input ? answered : candidate));
        return write.runs.update(runId, { status: statusByInputs(present, inputs), inputs });
      }),
      taskBytes(value, value, value),
    );
  }

  async #mustChange<T>(run: Pick<RunRecord, 'runId' | 'threadId'>, change: Change<T>, bytes: number): Promise<T> {
    const changed = await this.#change(run, change, bytes);
    if (changed === null) throw new ThreadcastError('run_ended');
    return changed;
  }

  #isElsewhere({ node }: RunRecord): boolean {
    return this.places.node !== null && node !== null && node !== this.places.node;
  }

  /** Without a cluster that is for who asks to know. */
  async #mayBegin(write: WriteContext, run: RunRecord): Promise<boolean> {
    const { node, maxPerUser } = this.places;
    return node === null || mayBegin(write, run, { node, maxPerUser });
  }

  #change<T>(
    run: Pick<RunRecord, 'runId' | 'threadId'>,
    change: Change<T>,
    bytes = taskBytes(),
    userIds: readonly string[] = [],
  ): Promise<T | null> {
    const work = async (write: WriteContext): Promise<T | null> => {
      const present = await write.runs.get(run.runId);
      return present === null ? null : change(write, present);
    };
    return this.pipeline.execute([run.threadId], work, bytes, userIds);
  }
}

/** What a transaction does to a run as it is inside it. Null: nothing. */
type Change<T> = (write: WriteContext, present: RunRecord) => Promise<T | null>;

/** The change, for a user who may still make it at that moment; null: for who may change every run. */
function permitted<T>(by: string | null, change: Change<T>): Change<T> {
  if (by === null) return change;
  return async (write, present) => {
    const refusal = await refusalFor(write.threads, present, by);
    if (refusal !== null) throw new ThreadcastError(refusal);
    return change(write, present);
  };
}

/** Why a user may not see a run; null: they may. Of a thread that was deleted they are told more if they knew it. */
async function refusalFor(
  threads: Pick<ThreadStoreReader, 'access' | 'deletedFrom'>,
  { threadId, orphaned, userId: starter }: RunRecord,
  userId: string,
): Promise<'run_ended' | 'run_not_found' | null> {
  const access = await threads.access(threadId, userId);
  if (!orphaned) return access === null ? 'run_not_found' : null;
  const knewIt = starter === userId || access?.role === 'owner' || (await threads.deletedFrom(threadId)) === userId;
  return knewIt ? 'run_ended' : 'run_not_found';
}
