import { ThreadcastError } from '../errors/index.js';
import type { Span, Tracing } from '../traces/index.js';
import { AppendJob, type Job } from './append-job.js';

/** Spans of what goes through the pipeline: one of each job, linked to that of its commit. */
export class AppendTraces {
  constructor(private readonly tracing: Tracing) {}

  /** Below what is active: a request's handler, or a run. */
  given(job: Job): void {
    if (!this.tracing.enabled) return;
    const attempt = job instanceof AppendJob ? job.attempt : null;
    const names = { threadId: job.threadIds[0], runId: attempt?.runId };
    job.spans = [this.tracing.begin(attempt === null ? 'append' : 'emit', names)];
  }

  /** `write` resolves with whether it was committed. */
  async commit(batch: readonly Job[], write: () => Promise<boolean>): Promise<void> {
    if (!this.tracing.enabled) {
      await write();
      return;
    }
    const links = batch.flatMap((job) => job.spans);
    const span = this.tracing.begin('commit', { jobs: batch.length }, { parent: null, links });
    const committed = await this.tracing.within(span, write);
    this.tracing.end(span, { committed }, committed ? undefined : 'storage_unavailable');
  }

  settled(job: Job): void {
    const { failure } = job;
    const code = failure instanceof ThreadcastError ? failure.code : 'internal';
    for (const span of job.spans) this.tracing.end(span, {}, job.failed ? code : undefined);
  }

  /** Tells of a commit, below the spans of the jobs that it is of. */
  publish([first, ...others]: readonly Span[], threadId: string, tell: () => void): void {
    const span = this.tracing.begin('publish', { threadId }, { parent: first, links: others });
    this.tracing.within(span, tell);
    this.tracing.end(span);
  }
}
