import type { RunId } from '../ids/index.js';
import type { Log } from '../logs/index.js';
import type { RunPlace } from '../storage/index.js';
import type { ExecutionTools } from './execution-tools.js';
import { textOf } from './run-ends.js';
import { untilStored } from './until-stored.js';

/** Records of runs that are being corrected; each run begins after that. */
export class RunCorrections {
  readonly #underWay = new Map<RunId, Promise<unknown>>();
  #abandoned = false;

  constructor(
    private readonly tools: ExecutionTools,
    private readonly log: Log,
  ) {}

  /** The run's association was not made after all. Tried until it is stored. */
  dissociate(run: RunPlace): void {
    const { registry, clock } = this.tools;
    const { runId, threadId } = run;
    const complain = (reason: unknown): void => {
      this.log.warn(`its record cannot be corrected yet: ${textOf(reason)}`, { runId, threadId });
    };
    const corrected = untilStored(
      clock,
      () => registry.dissociate(run),
      () => this.#abandoned,
      complain,
    );
    const over = corrected.catch(complain).finally(() => this.#underWay.delete(runId));
    this.#underWay.set(runId, over);
  }

  /** Resolves when the run may begin; undefined: at once. */
  of(runId: RunId): Promise<unknown> | undefined {
    return this.#underWay.get(runId);
  }

  /** The process closes. */
  abandon(): void {
    this.#abandoned = true;
  }
}
