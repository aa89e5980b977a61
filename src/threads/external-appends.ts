import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import type { RunId, ThreadId } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import type { RunRecord } from '../storage/index.js';
import { AppendPipeline } from './append-pipeline.js';
import { EventFactory } from './event-factory.js';
import { prepareEvents, type ExternalEvent, type PreparedEvent } from './external-events.js';
import { ExternalWriter, type AppendedEvent } from './external-writer.js';
import { RunPlaces } from './run-places.js';
import type { WriteContext } from './write-context.js';

/** What a process appends for a run that it executes, checked in form. */
export interface ExternalAppend {
  readonly runId: RunId;
  readonly threadId: ThreadId;
  /** Given: the run is made where it is not there, with this agent. */
  readonly make: { readonly agent: string } | null;
  readonly events: readonly ExternalEvent[];
}

export interface ExternalAppended {
  readonly run: RunRecord;
  /** The run was made by this. */
  readonly made: boolean;
  /** One for each event, in order. */
  readonly results: readonly AppendedEvent[];
}

/** Of an event, what is not its data. */
const EVENT_BYTES = 200;

/** Takes the events of runs that other processes execute: all of a request, in order, or none of it. */
@Injectable()
export class ExternalAppends {
  constructor(
    private readonly pipeline: AppendPipeline,
    private readonly factory: EventFactory,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly places: RunPlaces,
  ) {}

  /**
   * Rejects with `run_not_found`; `forbidden` for a run that this server executes itself; and, where something of it is
   * new, with `run_in_progress` as long as the run is queued and `run_ended` from its end on.
   */
  async append(append: ExternalAppend): Promise<ExternalAppended> {
    const { pipeline, factory, metrics } = this;
    const events = prepareEvents(append.events, append.runId, factory, pipeline.maxDeltaBytes);
    const merged = append.events.length - events.length;
    const work = (write: WriteContext): Promise<ExternalAppended> => this.#appendWithin(write, append, events);
    const appended = await pipeline.execute([append.threadId], work, bytesOf(events));
    if (merged > 0) metrics.add('threadcast_threads_merged_deltas_total', {}, merged);
    return appended;
  }

  async #appendWithin(
    write: WriteContext,
    append: ExternalAppend,
    events: readonly PreparedEvent[],
  ): Promise<ExternalAppended> {
    const known = await write.runs.get(append.runId);
    const run = known ?? (await this.#make(write, append));
    if (!run.external) {
      const message = 'The server executes this run itself; only runs of other processes take events.';
      throw new ThreadcastError('forbidden', { message });
    }
    const writer = new ExternalWriter(write, this.factory, this.clock.now(), run);
    return { ...(await writer.append(events)), made: known === null };
  }

  /** Nobody has registered it, so it is the thread's owner's. */
  async #make(write: WriteContext, { runId, threadId, make }: ExternalAppend): Promise<RunRecord> {
    const thread = make === null ? null : await write.threads.get(threadId);
    if (make === null || thread === null) throw new ThreadcastError('run_not_found');
    const now = this.clock.now();
    const run: RunRecord = {
      ...{ runId, threadId, agent: make.agent, userId: thread.ownerId },
      ...{ status: 'running', attempt: 0, policy: 'parallel', external: true, position: 0 },
      ...{ input: null, messageId: null, associated: false, associationMs: 0, inputs: [] },
      ...{ createdAt: now, startedAt: now, endedAt: null, endReason: null, orphaned: false, node: this.places.node },
    };
    await write.runs.insert(run);
    return run;
  }
}

function bytesOf(events: readonly PreparedEvent[]): number {
  const sizes = events.map(({ kind, event }) => (kind === 'plain' ? event.data.length : sizeOf(event.data)));
  return sizes.reduce((sum, bytes) => sum + bytes + EVENT_BYTES, 0);
}

function sizeOf(data: object): number {
  return JSON.stringify(data).length;
}
