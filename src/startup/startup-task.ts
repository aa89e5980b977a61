/**
 * One thing that must be done before anybody is served: open the storage, recover runs, join the bus. A provider of
 * any module that extends this class is found and run once, after the application has been initialised and before
 * the gate opens. When it rejects, the process does not start.
 */
export abstract class StartupTask {
  /** Unique among the tasks; appears in `/health/ready`, in the metrics, and in the message of a failed start. */
  abstract readonly name: string;

  /** Names of the tasks that must have resolved before this one begins. A name that no task has fails the start. */
  readonly after: readonly string[] = [];

  /**
   * Resolves when the work is done. The signal is aborted when the time for starting is over or the process is
   * told to stop; nobody waits for the task from then on.
   */
  abstract run(signal: AbortSignal): Promise<void>;
}

/** Where a task stands. `durationMs` is known once it has ended. */
export interface StartupTaskState {
  readonly name: string;
  readonly status: 'waiting' | 'running' | 'done' | 'failed';
  readonly durationMs?: number;
}
