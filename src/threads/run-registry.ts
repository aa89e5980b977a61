import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import type { RunId } from '../ids/index.js';
import type { JsonValue } from '../protocol/index.js';
import { Storage, type RunInput, type RunPlace, type RunRecord } from '../storage/index.js';
import { AppendPipeline } from './append-pipeline.js';
import type { RunAttempt } from './append-job.js';
import { EventFactory } from './event-factory.js';
import { fingerprint } from './fingerprint.js';
import { endRunWithin } from './run-ending.js';
import { hasEnded, nextStatus, type RunEnd } from './run-machine.js';
import type { WriteContext } from './write-context.js';

/** A request for input, as an agent makes it. */
export interface InputRequest {
  readonly requestId: string;
  readonly prompt?: string;
  readonly schema?: JsonValue;
}

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
    const access = await this.storage.threads.access(run.threadId, userId);
    if (!run.orphaned && access !== null) return run;
    const knewIt =
      run.orphaned &&
      (run.userId === userId ||
        access?.role === 'owner' ||
        (await this.storage.threads.deletedFrom(run.threadId)) === userId);
    throw new ThreadcastError(knewIt ? 'run_ended' : 'run_not_found');
  }

  /** Takes a queued run up: `agent_started` and the first attempt. Null when it is not queued any more. */
  begin(run: Pick<RunRecord, 'runId' | 'threadId'>, input: JsonValue | undefined): Promise<RunRecord | null> {
    return this.#change(run, async (write, present) => {
      const status = nextStatus(present.status, 'begin');
      if (status === null) return null;
      const { runId, agent } = present;
      const data = input === undefined ? {} : { input };
      await write.append(present.threadId, [this.events.make({ type: 'agent_started', data, runId, agent })]);
      return write.runs.update(runId, { status, attempt: present.attempt + 1, startedAt: this.clock.now() });
    });
  }

  /** Takes a run of a dead process up again, under a new attempt that fences the old one. Null: it has ended. */
  resume(run: Pick<RunRecord, 'runId' | 'threadId'>): Promise<RunRecord | null> {
    return this.#change(run, async (write, present) => {
      const status = nextStatus(present.status, 'resume');
      if (status === null) return null;
      // What the dead attempt asked for, nobody waits for any more.
      const inputs = present.inputs.map((input) =>
        input.status === 'open' ? { ...input, status: 'closed' as const } : input,
      );
      return write.runs.update(present.runId, { status, attempt: present.attempt + 1, inputs });
    });
  }

  /**
   * Ends a run with its terminal event. Null when it has ended already, or when `attempt` is given and is not
   * the present one: then nothing was appended.
   */
  end(run: Pick<RunRecord, 'runId' | 'threadId'>, end: RunEnd, attempt?: number): Promise<RunRecord | null> {
    return this.#change(run, async (write, present) => {
      if (attempt !== undefined && present.attempt !== attempt) return null;
      return endRunWithin(write, this.events, present, this.clock.now(), end);
    });
  }

  /** Asks the user for something: `input_requested`. Rejects with `run_ended` for an attempt that is over. */
  requestInput(run: RunRecord & RunAttempt, request: InputRequest): Promise<RunRecord> {
    return this.#mustChange(run, async (write, present) => {
      const status = nextStatus(present.status, 'await_input');
      if (status === null || present.attempt !== run.attempt) return null;
      const { runId, agent } = present;
      const event = this.events.make({ type: 'input_requested', data: request, runId, agent });
      await write.append(present.threadId, [event]);
      const logged = JSON.parse(event.data) as InputRequest;
      const input: RunInput = { ...logged, status: 'open', requestedAt: this.clock.now() };
      return write.runs.update(runId, { status, inputs: [...present.inputs, input] });
    });
  }

  /**
   * Gives the answer: `input_received`. The same answer again changes nothing; another one, a late one, or one
   * to a request that was never made is `input_closed`. The caller has checked access.
   */
  answerInput(run: RunRecord, requestId: string, value: JsonValue): Promise<RunRecord> {
    return this.#mustChange(run, async (write, present) => {
      const input = present.inputs.find((candidate) => candidate.requestId === requestId);
      const answerHash = fingerprint(value);
      if (input?.status === 'answered' && input.answerHash === answerHash) return present;
      if (input?.status !== 'open' || hasEnded(present.status)) throw new ThreadcastError('input_closed');
      const { runId, agent } = present;
      const event = this.events.make({ type: 'input_received', data: { requestId, value }, runId, agent });
      await write.append(present.threadId, [event]);
      const logged = (JSON.parse(event.data) as { value: JsonValue }).value;
      const answeredAt = this.clock.now();
      const answered: RunInput = { ...input, status: 'answered', value: logged, answerHash, answeredAt };
      const inputs = present.inputs.map((candidate) => (candidate === input ? answered : candidate));
      const stillOpen = inputs.some((candidate) => candidate.status === 'open');
      const status = stillOpen ? present.status : (nextStatus(present.status, 'receive_input') ?? present.status);
      return write.runs.update(runId, { status, inputs });
    });
  }

  async #mustChange(
    run: Pick<RunRecord, 'runId' | 'threadId'>,
    change: (write: WriteContext, present: RunRecord) => Promise<RunRecord | null>,
  ): Promise<RunRecord> {
    const changed = await this.#change(run, change);
    if (changed === null) throw new ThreadcastError('run_ended');
    return changed;
  }

  #change(
    run: Pick<RunRecord, 'runId' | 'threadId'>,
    change: (write: WriteContext, present: RunRecord) => Promise<RunRecord | null>,
  ): Promise<RunRecord | null> {
    return this.pipeline.execute([run.threadId], async (write) => {
      const present = await write.runs.get(run.runId);
      return present === null ? null : change(write, present);
    });
  }
}
