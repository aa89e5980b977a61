import type { RunId } from '../ids/index.js';
import type { RunPlace } from '../storage/index.js';
import type { Context, Span, Tracing } from '../traces/index.js';

/** Spans of runs: below whoever has asked for the run, however long it waited. */
export class RunTraces {
  /** Of runs that wait to begin. */
  readonly #origins = new Map<RunId, Context>();
  readonly #spans = new Map<RunId, Span>();

  constructor(private readonly tracing: Tracing) {}

  /** What is active has asked for it. A run of another process has no span here. */
  asked({ runId, external }: RunPlace): void {
    if (this.tracing.enabled && !external) this.#origins.set(runId, this.tracing.active());
  }

  /** Executes it: what it appends and calls is below its span. */
  execute(run: RunPlace, work: () => void): void {
    if (!this.tracing.enabled) {
      work();
      return;
    }
    const { runId, threadId, userId, agent } = run;
    const parent = this.#origins.get(runId) ?? null;
    const span = this.tracing.begin('run', { runId, threadId, userId, agent }, { parent });
    this.#origins.delete(runId);
    this.#spans.set(runId, span);
    this.tracing.within(span, work);
  }

  /** `outcome`: `completed`, `cancelled`, or the code of its failure; null: it is not known here. */
  ended(runId: RunId, outcome: string | null): void {
    this.#origins.delete(runId);
    const span = this.#spans.get(runId);
    if (span === undefined) return;
    this.#spans.delete(runId);
    const well = outcome === null || outcome === 'completed' || outcome === 'cancelled';
    this.tracing.end(span, { outcome }, well ? undefined : outcome);
  }

  /** The process leaves them. */
  abandon(): void {
    for (const runId of [...this.#spans.keys()]) this.ended(runId, null);
    this.#origins.clear();
  }
}
