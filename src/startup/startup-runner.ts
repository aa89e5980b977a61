import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { Log } from '../logs/index.js';
import { Metrics } from '../metrics/index.js';
import { Contributions } from './contributions.js';
import { DeadlineExceeded, withDeadline } from './deadline.js';
import { StartupError, reasonOf } from './startup-error.js';
import { StartupTask, type StartupTaskState } from './startup-task.js';
import { inOrder } from './task-order.js';

/** Runs the startup tasks of all modules, one after the other. */
@Injectable()
export class StartupRunner {
  readonly #log = new Log('Startup');
  readonly #states = new Map<string, StartupTaskState>();

  constructor(
    private readonly contributions: Contributions,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  /** The tasks in the order in which they run; empty until `run` has been called. */
  states(): readonly StartupTaskState[] {
    return [...this.#states.values()];
  }

  /**
   * Resolves when every task has resolved. Rejects with a `StartupError` that names the task and the reason when one
   * fails, when `timeoutMs` (for all together) are over, or when `signal` is aborted; no further task is begun then.
   */
  async run(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const tasks = inOrder(this.contributions.of(StartupTask));
    for (const { name } of tasks) this.#states.set(name, { name, status: 'waiting' });

    const begun = this.clock.monotonic();
    for (const task of tasks) {
      const leftMs = Math.max(0, timeoutMs - (this.clock.monotonic() - begun));
      await this.#runOne(task, leftMs, timeoutMs, signal);
    }
  }

  async #runOne(task: StartupTask, leftMs: number, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { name } = task;
    const begun = this.clock.monotonic();
    let status: StartupTaskState['status'] = 'failed';
    this.#states.set(name, { name, status: 'running' });
    try {
      await withDeadline(this.clock, leftMs, (aborted) => task.run(aborted), signal);
      status = 'done';
    } catch (cause) {
      if (cause instanceof DeadlineExceeded) {
        throw new StartupError(
          `Startup task '${name}' had not finished when the ${timeoutMs} ms for starting were over.`,
        );
      }
      throw new StartupError(`Startup task '${name}' failed: ${reasonOf(cause)}`, cause);
    } finally {
      const durationMs = Math.round(this.clock.monotonic() - begun);
      this.#states.set(name, { name, status, durationMs });
      this.metrics.set('threadcast_startup_task_seconds', { task: name }, durationMs / 1000);
      if (status === 'done') this.#log.debug(`${name}: done in ${durationMs} ms`);
    }
  }
}
