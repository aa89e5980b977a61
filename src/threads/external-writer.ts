import { ThreadcastError } from '../errors/index.js';
import type { ThreadEventData } from '../protocol/index.js';
import type { NewEvent, RunRecord } from '../storage/index.js';
import type { EventFactory } from './event-factory.js';
import { isEnd, type ExternalEvent, type ExternalStep, type PreparedEvent } from './external-events.js';
import { STARTED_KEY, isSilent, tellStartWithin } from './external-run.js';
import { askWithin } from './run-asking.js';
import { endRunWithin } from './run-ending.js';
import { hasEnded, type RunEnd } from './run-machine.js';
import type { WriteContext } from './write-context.js';

/** Where an event stands in the log. `duplicate`: it stood there before, nothing was appended for it. */
export interface AppendedEvent {
  readonly seq: number;
  readonly duplicate: boolean;
}

/** A seq that is known once what waits has been appended. */
interface Place {
  seq: number;
}

/** What is known by a name of its own gets the same place again; what was chosen by a process cannot meet these. */
const keyOfEvent = (eventId: string): string => `id:${eventId}`;
const keyOfInput = (requestId: string): string => `input:${requestId}`;

/**
 * Appends one request's events to one run, inside a transaction. What is known already keeps its place, in whatever state
 * the run is; what is new needs a run that is under way.
 */
export class ExternalWriter {
  readonly #results: { readonly place: Place; readonly duplicate: boolean }[] = [];
  /** Of this request. */
  readonly #places = new Map<string, Place>();
  /** Events that go to the log together. */
  #waiting: { readonly event: NewEvent; readonly place: Place; readonly keys: readonly string[] }[] = [];

  constructor(
    private readonly write: WriteContext,
    private readonly factory: EventFactory,
    private readonly now: number,
    private run: RunRecord,
  ) {}

  async append(events: readonly PreparedEvent[]): Promise<{ run: RunRecord; results: AppendedEvent[] }> {
    for (const event of events) {
      const keys = keysOf(event);
      const known = await this.#known(keys);
      const place = known ?? (await this.#add(event, keys));
      for (const key of keys) this.#places.set(key, place);
      const result = { place, duplicate: known !== null };
      this.#results.push(...Array.from({ length: event.stands }, () => result));
    }
    await this.#flush();
    const results = this.#results.map(({ place, duplicate }) => ({ seq: place.seq, duplicate }));
    return { run: this.run, results };
  }

  async #known(keys: readonly string[]): Promise<Place | null> {
    for (const key of keys) {
      const place = this.#places.get(key);
      if (place !== undefined) return place;
      const seq = await this.write.runs.findEvent(this.run.runId, key);
      if (seq !== null) return { seq };
    }
    return null;
  }

  async #add(prepared: PreparedEvent, keys: readonly string[]): Promise<Place> {
    this.#checkUnderWay();
    if (isSilent(this.run)) await this.#start(prepared);
    if (prepared.kind === 'plain') {
      const place = { seq: 0 };
      this.#waiting.push({ event: prepared.event, place, keys });
      return place;
    }
    await this.#flush();
    if (prepared.event.type !== 'agent_started') await this.#step(prepared.event);
    const place = { seq: this.write.lastSeq };
    for (const key of keys) await this.write.runs.recordEvent(this.run.runId, key, place.seq);
    return place;
  }

  #checkUnderWay(): void {
    const { status } = this.run;
    if (hasEnded(status)) throw new ThreadcastError('run_ended');
    if (status !== 'queued') return;
    const message = 'The run waits for its turn: it takes events once its status is running.';
    throw new ThreadcastError('run_in_progress', { message, details: { status }, retryAfterMs: 1_000 });
  }

  /** The run's first event: as the process gives it, or in its place. */
  async #start({ kind, event }: PreparedEvent): Promise<void> {
    const said = kind === 'step' && event.type === 'agent_started' ? event.data : {};
    this.run = await tellStartWithin(this.write, this.factory, this.run, said);
    this.#places.set(STARTED_KEY, { seq: this.write.lastSeq });
  }

  async #step(event: ExternalStep): Promise<void> {
    if (event.type === 'input_requested') {
      await askWithin(this.write, this.factory, this.run, this.now, { ...event.data, named: true });
      this.run = (await this.write.runs.get(this.run.runId)) ?? this.run;
    } else if (isEnd(event)) {
      this.run = (await endRunWithin(this.write, this.factory, this.run, this.now, this.#endOf(event))) ?? this.run;
    }
  }

  #endOf(event: ExternalEvent<RunEnd['type']>): RunEnd {
    if (event.type === 'agent_error') return { type: event.type, data: event.data };
    if (event.type === 'agent_cancelled') {
      // Kept with the run too, so it is redacted before it becomes an event.
      return { type: event.type, data: { reason: this.factory.redactText(event.data.reason) } };
    }
    const durationMs = this.now - (this.run.startedAt ?? this.now);
    const data: ThreadEventData['agent_completed'] = { ...event.data, durationMs: event.data.durationMs ?? durationMs };
    return { type: event.type, data };
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    const { runId, threadId, agent } = this.run;
    let seq = await this.write.append(
      threadId,
      waiting.map(({ event }) => ({ ...event, agent })),
    );
    for (const { place, keys } of waiting) {
      place.seq = seq;
      for (const key of keys) await this.write.runs.recordEvent(runId, key, seq);
      seq += 1;
    }
  }
}

/** By which an event is known again: its own name, and of what there is once in a run that. */
function keysOf(prepared: PreparedEvent): string[] {
  if (prepared.kind === 'plain') return prepared.eventId === null ? [] : [keyOfEvent(prepared.eventId)];
  const { event } = prepared;
  const keys = event.eventId === null ? [] : [keyOfEvent(event.eventId)];
  if (event.type === 'agent_started') keys.push(STARTED_KEY);
  if (event.type === 'input_requested') keys.push(keyOfInput(event.data.requestId));
  return keys;
}
