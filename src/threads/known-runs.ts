import type { ParsedRunId, ThreadId } from '../ids/index.js';

/** A run that is looked for: its id as it was received, and as it was read. */
export interface AskedRun {
  readonly received: string;
  /** Null: it is no id of a run. */
  readonly parsed: ParsedRunId | null;
}

/**
 * Knows of runs beside the registry. A hint: it is asked when the registry knows nothing, and what it says is not kept.
 * A provider of any module that extends it is found.
 */
export abstract class KnownRuns {
  /** `engine`: runs in hand; `connection`: what is followed at the moment. */
  abstract readonly name: 'engine' | 'connection';

  /** Null: it is not known here. */
  abstract threadOf(asked: AskedRun): ThreadId | null | Promise<ThreadId | null>;
}
