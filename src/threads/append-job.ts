import type { RunId, ThreadId } from '../ids/index.js';
import type { NewEvent } from '../storage/index.js';
import type { Span } from '../traces/index.js';
import type { EventFactory } from './event-factory.js';
import type { WriteContext } from './write-context.js';

/** Who may append for a run: only its present attempt, and only until the run has ended. */
export interface RunAttempt {
  readonly runId: RunId;
  readonly attempt: number;
}

/** A producer of deltas. */
export interface DeltaSource extends RunAttempt {
  readonly agent: string;
}

/** Merged deltas stay below this many bytes of JSON, so that one event stays a small one. */
export const MAX_DELTA_BYTES = 65_536;

const NO_SPANS: readonly Span[] = [];

/** Something that waits for a group commit, and who waits for it. */
export abstract class Job {
  abstract readonly threadIds: readonly ThreadId[];
  abstract bytes: number;
  /** When it was given to the pipeline, monotonic. */
  givenAt = 0;
  /** Its span, where there are traces. */
  spans: readonly Span[] = NO_SPANS;
  readonly #waiting: { resolve: (value: never) => void; reject: (error: unknown) => void }[] = [];
  /** Since when it waits for a thread or user that another node holds, monotonic. */
  heldSince: number | null = null;
  #result: unknown;
  #error: { readonly reason: unknown } | null = null;

  wait<T>(): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Whatever has become of it before counts no more. */
  begin(): void {
    this.#error = null;
  }

  succeed(result: unknown): void {
    this.#result = result;
  }

  fail(reason: unknown): void {
    this.#error = { reason };
  }

  get failed(): boolean {
    return this.#error !== null;
  }

  get failure(): unknown {
    return this.#error?.reason;
  }

  /** Tells whoever waits; only after the commit is durable, or has failed. */
  settle(): void {
    for (const waiter of this.#waiting) {
      if (this.#error === null) waiter.resolve(this.#result as never);
      else waiter.reject(this.#error.reason);
    }
  }
}

/** Any work on the stores, done in one piece inside the transaction. */
export class TaskJob extends Job {
  /** `bytes`: about as many as it will write. `userIds`: whose counts it relies on. */
  constructor(
    override readonly threadIds: readonly ThreadId[],
    readonly work: (write: WriteContext) => Promise<unknown>,
    override readonly bytes: number,
    readonly userIds: readonly string[],
  ) {
    super();
  }
}

/** Events of one thread: the hot path, appended together with their neighbours. Its result is the first seq. */
export class AppendJob extends Job {
  override readonly threadIds: readonly ThreadId[];
  override bytes: number;

  constructor(
    readonly threadId: ThreadId,
    readonly attempt: RunAttempt | null,
    private readonly prepared: readonly NewEvent[],
  ) {
    super();
    this.threadIds = [threadId];
    this.bytes = prepared.reduce((sum, event) => sum + event.data.length, 0);
  }

  events(): readonly NewEvent[] {
    return this.prepared;
  }
}

/** Neighbouring deltas of one message, which become one event with one seq when their turn comes. */
export class DeltaJob extends AppendJob {
  readonly #texts: string[] = [];
  #event: NewEvent | null = null;

  constructor(
    private readonly factory: EventFactory,
    threadId: ThreadId,
    private readonly source: DeltaSource,
    private readonly messageId: string,
    private readonly maxBytes: number,
  ) {
    super(threadId, source, []);
  }

  takes(threadId: ThreadId, source: DeltaSource, messageId: string, bytes: number): boolean {
    return (
      this.#event === null &&
      this.threadId === threadId &&
      this.source.runId === source.runId &&
      this.source.attempt === source.attempt &&
      this.messageId === messageId &&
      this.bytes + bytes <= this.maxBytes
    );
  }

  /** `bytes`: of the text as JSON. */
  add(text: string, bytes: number): void {
    this.#texts.push(text);
    this.bytes += bytes;
  }

  override events(): readonly NewEvent[] {
    this.#event ??= this.factory.delta(this.source, this.messageId, this.#texts.join(''));
    return [this.#event];
  }
}
