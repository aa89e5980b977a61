import { ThreadcastError } from '../errors/index.js';
import type { RunId, ThreadId } from '../ids/index.js';
import type { Metrics } from '../metrics/index.js';
import type { HeldElsewhere, RunFence, StoredEvent, Transaction } from '../storage/index.js';
import type { Span } from '../traces/index.js';
import { AppendJob, TaskJob, type Job, type RunAttempt } from './append-job.js';
import type { AppendTraces } from './append-traces.js';
import type { CommitFeed } from './commit-feed.js';
import { WriteContext, numbered, type Publication } from './write-context.js';

/**
 * One batch of jobs inside one transaction. Jobs are done in order; neighbouring appends are done together.
 * A job that is refused, or whose event cannot be stored, fails alone; a storage that does not answer fails
 * them all.
 */
export class GroupCommit {
  #publications: Publication[] = [];
  #held = new Set<Job>();

  constructor(
    private readonly jobs: readonly Job[],
    private readonly metrics: Metrics,
    private readonly traces: AppendTraces,
  ) {}

  /**
   * Jobs that were left out because another transaction holds what they need, and those that came behind them on the same
   * threads.
   */
  get held(): ReadonlySet<Job> {
    return this.#held;
  }

  /** Called again, it begins anew. */
  async write(tx: Transaction): Promise<void> {
    this.#publications = [];
    for (const job of this.jobs) job.begin();
    const threadIds = new Set<ThreadId>();
    for (const job of this.jobs) for (const threadId of job.threadIds) threadIds.add(threadId);
    const userIds = new Set(this.jobs.flatMap((job) => (job instanceof TaskJob ? job.userIds : [])));
    this.#held = heldBack(this.jobs, await tx.lock([...threadIds].sort(), [...userIds]));
    let appends: AppendJob[] = [];
    for (const job of this.jobs) {
      if (this.#held.has(job)) continue;
      if (job instanceof AppendJob) {
        appends.push(job);
        continue;
      }
      await this.#append(tx, appends);
      appends = [];
      if (job instanceof TaskJob) await this.#task(tx, job);
    }
    await this.#append(tx, appends);
  }

  publish(feed: CommitFeed): void {
    const appended = new Map<string, number>();
    for (const publication of gathered(this.#publications)) {
      if (publication.kind === 'deleted') {
        feed.publishDeleted(publication.threadId);
        continue;
      }
      const { threadId, epoch, events, origin } = publication;
      for (const { type } of events) appended.set(type, (appended.get(type) ?? 0) + 1);
      const { spans, givenAt } = origin;
      const tell = (): void => feed.publishCommitted(threadId, events, givenAt, epoch);
      if (spans.length === 0) tell();
      else this.traces.publish(spans, threadId, tell);
    }
    for (const [type, count] of appended) this.metrics.add('threadcast_threads_appended_events_total', { type }, count);
  }

  async #task(tx: Transaction, job: TaskJob): Promise<void> {
    const write = new WriteContext(tx, job);
    await this.#alone(job, async () => {
      job.succeed(await tx.savepoint(() => job.work(write)));
      this.#publications.push(...write.publications);
    });
  }

  async #append(tx: Transaction, jobs: readonly AppendJob[]): Promise<void> {
    if (jobs.length === 0) return;
    const allowed = await this.#fenced(tx, jobs);
    if (allowed.length === 0) return;
    try {
      await tx.savepoint(() => this.#appendTogether(tx, allowed));
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      for (const job of allowed) {
        await this.#alone(job, () => tx.savepoint(() => this.#appendTogether(tx, [job])));
      }
    }
  }

  async #appendTogether(tx: Transaction, jobs: readonly AppendJob[]): Promise<void> {
    const outcomes = await tx.events.append(jobs.map((job) => ({ threadId: job.threadId, events: job.events() })));
    const publications: Publication[] = [];
    jobs.forEach((job, index) => {
      const outcome = outcomes[index];
      if (outcome === null || outcome === undefined) {
        job.fail(new ThreadcastError('thread_not_found'));
        return;
      }
      job.succeed(outcome.firstSeq);
      const events = numbered(job.threadId, job.events(), outcome.firstSeq);
      publications.push({ kind: 'committed', threadId: job.threadId, epoch: outcome.epoch, events, origin: job });
    });
    this.#publications.push(...publications);
  }

  /** Refuses appends of runs that have ended or whose attempt is not the present one. */
  async #fenced(tx: Transaction, jobs: readonly AppendJob[]): Promise<AppendJob[]> {
    const runIds = new Set<RunId>();
    for (const job of jobs) if (job.attempt !== null) runIds.add(job.attempt.runId);
    if (runIds.size === 0) return [...jobs];
    const fences = await tx.runs.fences([...runIds]);
    return jobs.filter((job) => {
      if (job.attempt === null || mayAppend(job.attempt, fences.get(job.attempt.runId))) return true;
      this.metrics.add('threadcast_agents_fenced_events_total', {}, job.events().length);
      job.fail(new ThreadcastError('run_ended'));
      return false;
    });
  }

  async #alone(job: Job, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      job.fail(error);
    }
  }
}

function heldBack(jobs: readonly Job[], { threadIds, userIds }: HeldElsewhere): Set<Job> {
  const held = new Set<Job>();
  if (threadIds.size + userIds.size === 0) return held;
  const behind = new Set(threadIds);
  for (const job of jobs) {
    const waits = job instanceof TaskJob && job.userIds.some((userId) => userIds.has(userId));
    if (!waits && !job.threadIds.some((threadId) => behind.has(threadId))) continue;
    held.add(job);
    for (const threadId of job.threadIds) behind.add(threadId);
  }
  return held;
}

/** The same, with what one thread got put together: who follows it is told once. A deletion stays between. */
function gathered(publications: readonly Publication[]): Iterable<Publication> {
  const told: Publication[] = [];
  const open = new Map<ThreadId, Gathering>();
  for (const publication of publications) {
    const { threadId } = publication;
    if (publication.kind === 'deleted') {
      open.delete(threadId);
      told.push(publication);
      continue;
    }
    const before = open.get(threadId);
    if (before === undefined) {
      open.set(threadId, { first: publication, place: told.length, all: null });
      told.push(publication);
      continue;
    }
    before.all ??= { events: [...before.first.events], spans: [...before.first.origin.spans] };
    const { events, spans } = before.all;
    for (const event of publication.events) events.push(event);
    spans.push(...publication.origin.spans);
    told[before.place] = { ...before.first, events, origin: { givenAt: before.first.origin.givenAt, spans } };
  }
  return told;
}

/** What a thread got of one commit. Most get one thing, which is told as it is. */
interface Gathering {
  readonly first: Extract<Publication, { kind: 'committed' }>;
  /** Among what is told. */
  readonly place: number;
  all: { readonly events: StoredEvent[]; readonly spans: Span[] } | null;
}

function mayAppend(attempt: RunAttempt, fence: RunFence | undefined): boolean {
  if (fence === undefined) return false;
  return (fence.status === 'running' || fence.status === 'waiting_input') && fence.attempt === attempt.attempt;
}

function isStorageFailure(error: unknown): boolean {
  return error instanceof ThreadcastError && error.code === 'storage_unavailable';
}
