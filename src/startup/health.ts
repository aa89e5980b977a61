import { Injectable, Logger } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { Contributions } from './contributions.js';
import { withDeadline } from './deadline.js';
import { Lifecycle } from './lifecycle.js';
import { ReadinessCheck, type ReadinessResult } from './readiness-check.js';
import { reasonOf } from './startup-error.js';
import { StartupRunner } from './startup-runner.js';
import type { StartupTaskState } from './startup-task.js';

/** How long one check may take before it counts as `down`. */
const CHECK_TIMEOUT_MS = 2_000;

/** The answer to `GET /health/ready`. Ready, and status 200, are `ok` and `degraded`; the others are 503. */
export interface HealthReport {
  readonly status: 'starting' | 'ok' | 'degraded' | 'down' | 'draining';
  /** While starting. */
  readonly tasks?: readonly StartupTaskState[];
  /** While serving. */
  readonly checks?: readonly CheckReport[];
}

export interface CheckReport extends ReadinessResult {
  readonly name: string;
}

export function isReady(report: HealthReport): boolean {
  return report.status === 'ok' || report.status === 'degraded';
}

/** Whether this process should be sent work. */
@Injectable()
export class Health {
  readonly #logger = new Logger('Health');

  constructor(
    private readonly lifecycle: Lifecycle,
    private readonly runner: StartupRunner,
    private readonly contributions: Contributions,
    private readonly clock: Clock,
  ) {}

  startup(): HealthReport {
    return { status: 'starting', tasks: this.runner.states() };
  }

  async report(): Promise<HealthReport> {
    if (this.lifecycle.phase === 'starting') return this.startup();
    if (this.lifecycle.phase !== 'ready') return { status: 'draining' };
    const checks = this.contributions.of(ReadinessCheck);
    const results = await Promise.all(checks.map((check) => this.#ask(check)));
    const fatal = checks.some((check, index) => check.required && results[index]?.status === 'down');
    const well = results.every((result) => result.status === 'ok');
    return { status: fatal ? 'down' : well ? 'ok' : 'degraded', checks: results };
  }

  async #ask(check: ReadinessCheck): Promise<CheckReport> {
    const { name } = check;
    try {
      const { status, detail } = await withDeadline(this.clock, CHECK_TIMEOUT_MS, (signal) => check.check(signal));
      return detail === undefined ? { name, status } : { name, status, detail };
    } catch (error) {
      this.#logger.warn(`Readiness check '${name}' failed: ${reasonOf(error)}`);
      return { name, status: 'down', detail: 'The check failed; the log has the reason.' };
    }
  }
}
