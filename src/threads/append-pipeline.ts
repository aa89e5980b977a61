import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import { IdGenerator, type ThreadId } from '../ids/index.js';
import { Log } from '../logs/index.js';
import { Metrics } from '../metrics/index.js';
import { Storage, type NewEvent } from '../storage/index.js';
import { Tracing } from '../traces/index.js';
import { AppendJob, DeltaJob, Job, MAX_DELTA_BYTES, TaskJob, type DeltaSource, type RunAttempt } from './append-job.js';
import { AppendTraces } from './append-traces.js';
import { CommitFeed } from './commit-feed.js';
import { EventFactory } from './event-factory.js';
import { GroupCommit } from './group-commit.js';
import { THREADS_OPTIONS, ThreadsOptions } from './threads-options.js';
import type { WriteContext } from './write-context.js';

const MAX_BATCH_JOBS = 1_000;
const MAX_BATCH_BYTES = 8_388_608;
/** Of a delta's data, what is not its text. */
const DELTA_FRAME_BYTES = 512;
/** What a task that says nothing about it is taken to write. */
const TASK_BYTES = 256;
/** Between two questions for the outcome of a commit whose answer was lost. */
const FIRST_OUTCOME_RETRY_MS = 100;
const LONGEST_OUTCOME_RETRY_MS = 5_000;
/** How long a job waits for what another node holds: longer than the storage lets a node that is frozen hold anything. */
const HELD_MS = 15_000;
/** How long the process waits, when it closes, for what is being written. */
const CLOSING_MS = 5_000;

/**
 * The only way into the log. Everything that is written in this process goes through one group commit: what
 * arrives while a commit is under way is the next batch. No timers: an idle system commits at once, a busy
 * one in large batches.
 *
 * A promise given out here resolves when its work is durable and the feed has told of it; it rejects when
 * nothing of it is stored. Jobs are taken in the order in which they were given.
 */
@Injectable()
export class AppendPipeline implements BeforeApplicationShutdown {
  readonly #log = new Log(AppendPipeline.name);
  readonly #options: ThreadsOptions;
  readonly #traces: AppendTraces;
  #queue: Job[] = [];
  /** So many at the head of the queue were in a batch already, and wait for what another node holds. */
  #held = 0;
  #waitingBytes = 0;
  /** The last waiting job of each thread: only that one may take a further delta. */
  #tails = new Map<ThreadId, Job>();
  #scheduled = false;
  readonly #batchPrefix: string;
  #batches = 0;
  #idle: (() => void)[] = [];
  /** Aborted: outcomes that are not known yet are not asked for any more. */
  readonly #closing = new AbortController();

  constructor(
    private readonly storage: Storage,
    private readonly feed: CommitFeed,
    private readonly factory: EventFactory,
    private readonly clock: Clock,
    ids: IdGenerator,
    private readonly metrics: Metrics,
    tracing: Tracing,
    @Inject(THREADS_OPTIONS) options: Partial<ThreadsOptions>,
  ) {
    this.#options = Object.assign(new ThreadsOptions(), options);
    this.#traces = new AppendTraces(tracing);
    this.#batchPrefix = ids.token('batch');
  }

  /** The longest text of one delta, in bytes of JSON. */
  get maxDeltaBytes(): number {
    return Math.max(1, Math.min(MAX_DELTA_BYTES, this.#options.maxEventBytes - DELTA_FRAME_BYTES));
  }

  /**
   * Appends events, side by side, and resolves with the seq of the first. With an attempt, they are refused
   * (`run_ended`) unless that attempt of the run is still the running one.
   */
  append(threadId: ThreadId, events: readonly NewEvent[], attempt: RunAttempt | null = null): Promise<number> {
    return this.#enqueue(new AppendJob(threadId, attempt, events));
  }

  /** Appends streamed text, already redacted; text that waits with its neighbour becomes one event with it. */
  appendDelta(threadId: ThreadId, source: DeltaSource, messageId: string, text: string): Promise<number> {
    const tail = this.#tails.get(threadId);
    const bytes = Buffer.byteLength(JSON.stringify(text));
    if (tail instanceof DeltaJob && tail.takes(threadId, source, messageId, bytes)) {
      this.metrics.add('threadcast_threads_merged_deltas_total', {});
      tail.add(text, bytes);
      this.#waitingBytes += bytes;
      return tail.wait();
    }
    const job = new DeltaJob(this.factory, threadId, source, messageId, this.maxDeltaBytes);
    job.add(text, bytes);
    return this.#enqueue(job);
  }

  /**
   * Runs any work on these threads inside the next commit, in one piece. What it rejects with is passed on. `bytes`:
   * about as many as it writes, for the bounds of what waits and of one commit. `userIds`: users whose counts it relies on;
   * no other work that names them is done meanwhile, on any node.
   */
  execute<T>(
    threadIds: readonly ThreadId[],
    work: (write: WriteContext) => Promise<T>,
    bytes = TASK_BYTES,
    userIds: readonly string[] = [],
  ): Promise<T> {
    return this.#enqueue(new TaskJob(threadIds, work, bytes, userIds));
  }

  /** Resolves when nothing waits and no commit is under way. */
  settled(): Promise<void> {
    if (!this.#scheduled) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** The storage closes after this: what waits is written first, as long as the storage takes it. */
  async beforeApplicationShutdown(): Promise<void> {
    const giveUp = this.clock.after(CLOSING_MS, () => this.#closing.abort());
    const givenUp = new Promise<void>((resolve) =>
      this.#closing.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    await Promise.race([this.settled(), givenUp]);
    giveUp.cancel();
    this.#closing.abort();
  }

  #enqueue<T>(job: Job): Promise<T> {
    if (this.#queue.length >= this.#options.maxWaitingJobs || this.#waitingBytes >= this.#options.maxWaitingBytes) {
      this.metrics.add('threadcast_threads_append_failures_total', { code: 'storage_unavailable' });
      const message = 'Too many appends are waiting for the storage.';
      return Promise.reject(new ThreadcastError('storage_unavailable', { message, retryAfterMs: 1_000 }));
    }
    const promise = job.wait<T>();
    job.givenAt = this.clock.monotonic();
    this.#traces.given(job);
    this.#queue.push(job);
    this.#waitingBytes += job.bytes;
    for (const threadId of job.threadIds) this.#tails.set(threadId, job);
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.clock.soon(() => void this.#commitNext());
  }

  async #commitNext(): Promise<void> {
    const batch = this.#takeBatch();
    let held: ReadonlySet<Job> = new Set();
    try {
      await this.#traces.commit(batch, async () => {
        const group = await this.#commit(batch);
        held = group?.held ?? held;
        return group !== null;
      });
    } catch (error) {
      this.#log.defect(error);
      for (const job of batch) job.fail(error);
    }
    const back = this.#putBack(held);
    for (const job of batch) {
      if (back.has(job)) continue;
      if (job.failed) this.#countFailure(job.failure);
      this.#traces.settled(job);
      job.settle();
    }
    this.#scheduled = false;
    if (this.#queue.length > 0) this.#schedule();
    else for (const resolve of this.#idle.splice(0)) resolve();
  }

  #takeBatch(): Job[] {
    let bytes = 0;
    let added = 0;
    let count = 0;
    for (const job of this.#queue) {
      // Those that were held come on top: others do not wait behind them.
      const isNew = count >= this.#held;
      if (isNew && (count - this.#held >= MAX_BATCH_JOBS || (added > 0 && added + job.bytes > MAX_BATCH_BYTES))) break;
      bytes += job.bytes;
      if (isNew) added += job.bytes;
      count += 1;
    }
    this.#held = 0;
    const batch = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    this.#waitingBytes -= bytes;
    this.#findTails();
    this.metrics.observe('threadcast_threads_batch_jobs', batch.length);
    this.metrics.observe('threadcast_threads_batch_bytes', bytes);
    return batch;
  }

  #findTails(): void {
    // Made anew: a map whose entries come and go for ever leaves tables behind, each of which holds the next one and the
    // jobs that were in it until the old generation is collected.
    this.#tails = new Map();
    for (const job of this.#queue) for (const threadId of job.threadIds) this.#tails.set(threadId, job);
  }

  /**
   * To the head of the queue, in their order: they are tried again with the next batch. Gives those that were put back; who
   * has waited for too long has failed.
   */
  #putBack(held: ReadonlySet<Job>): ReadonlySet<Job> {
    if (held.size === 0) return held;
    const now = this.clock.monotonic();
    const back = [...held].filter((job) => {
      job.heldSince ??= now;
      if (now - job.heldSince < HELD_MS && !this.#closing.signal.aborted) return true;
      const message = 'Another node holds the thread.';
      job.fail(new ThreadcastError('storage_unavailable', { message, retryAfterMs: 1_000 }));
      return false;
    });
    this.#queue = [...back, ...this.#queue];
    this.#held = back.length;
    for (const job of back) this.#waitingBytes += job.bytes;
    this.#findTails();
    return new Set(back);
  }

  /** Null: it did not happen. */
  async #commit(batch: readonly Job[]): Promise<GroupCommit | null> {
    const group = new GroupCommit(batch, this.metrics, this.#traces);
    this.#batches += 1;
    const batchId = `${this.#batchPrefix}_${this.#batches}`;
    const begun = this.clock.monotonic();
    try {
      await this.storage.transact(batchId, (tx) => group.write(tx));
    } catch (error) {
      if (!(await this.#happened(batchId))) {
        this.metrics.add('threadcast_storage_commits_total', { outcome: 'failed' });
        for (const job of batch) job.fail(error);
        return null;
      }
    }
    this.metrics.add('threadcast_storage_commits_total', { outcome: 'committed' });
    this.metrics.observe('threadcast_storage_commit_seconds', (this.clock.monotonic() - begun) / 1_000);
    group.publish(this.feed);
    return group;
  }

  /**
   * Scenario: the connection to the storage is lost around COMMIT. Whether the batch is stored is then not
   * known here; answering "failed" would make a client send again what is in the log. So the storage is asked until it
   * answers. What is appended meanwhile waits, up to the bounds. When the process closes first, whoever waits is
   * told that the storage is not available.
   */
  async #happened(batchId: string): Promise<boolean> {
    const { signal } = this.#closing;
    for (let delayMs = FIRST_OUTCOME_RETRY_MS; ; delayMs = Math.min(LONGEST_OUTCOME_RETRY_MS, delayMs * 2)) {
      try {
        return await this.storage.wasCommitted(batchId);
      } catch (error) {
        if (signal.aborted) return false;
        this.#log.warn(`Whether a batch of appends is stored cannot be learned yet: ${String(error)}`);
        await this.clock.sleep(delayMs, signal).catch(() => undefined);
      }
    }
  }

  #countFailure(reason: unknown): void {
    const code = reason instanceof ThreadcastError ? reason.code : 'internal';
    this.metrics.add('threadcast_threads_append_failures_total', { code });
  }
}
