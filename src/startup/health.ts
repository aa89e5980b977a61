import { Injectable } from '@nestjs/common';
import { z } from 'zod';

import { Clock } from '../clock/index.js';
import { Log } from '../logs/index.js';
import { Contributions } from './contributions.js';
import { withDeadline } from './deadline.js';
import { Lifecycle } from './lifecycle.js';
import { ReadinessCheck, type ReadinessResult } from './readiness-check.js';
import { reasonOf } from './startup-error.js';
import { StartupRunner } from './startup-runner.js';
import type { StartupTaskState } from './startup-task.js';

/** How long one check may take before it counts as `down`. */
const CHECK_TIMEOUT_MS = 2_000;

const TASK = z.object({
  name: z.string(),
  status: z.enum(['waiting', 'running', 'done', 'failed']),
  durationMs: z.number().optional(),
}) satisfies z.ZodType<StartupTaskState>;

const CHECK = z.object({ name: z.string(), status: z.enum(['ok', 'degraded', 'down']) });

/** A check that is not well. `since`: where the check does not know by itself, the first time that somebody has seen it. */
const REASON = CHECK.extend({
  detail: z.string().describe('One sentence.'),
  since: z.int().describe('Unix ms.'),
});

/** The answer to `GET /health/ready`. Ready, and status 200, are `ok` and `degraded`; the others are 503. */
export const HEALTH_REPORT = z
  .object({
    status: z.enum(['starting', 'ok', 'degraded', 'down', 'draining']),
    tasks: z.array(TASK).readonly().optional().describe('While starting.'),
    reasons: z.array(REASON).readonly().optional().describe('While serving: why it is not `ok`; empty when it is.'),
    checks: z.array(CHECK).readonly().optional().describe('While serving.'),
  })
  .meta({ id: 'Health' });

export type HealthReport = z.infer<typeof HEALTH_REPORT>;
export type CheckReport = z.infer<typeof CHECK>;
export type HealthReason = z.infer<typeof REASON>;

export function isReady(report: HealthReport): boolean {
  return report.status === 'ok' || report.status === 'degraded';
}

/** Whether this process should be sent work. */
@Injectable()
export class Health {
  readonly #log = new Log('Health');
  /** Since when each check that is not well has been so, in Unix ms. */
  readonly #seen = new Map<string, number>();

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
    const asked = await Promise.all(checks.map(async (check) => ({ ...(await this.#ask(check)), check })));
    const fatal = asked.some(({ status, check }) => check.required && status === 'down');
    const well = asked.every(({ status }) => status === 'ok');
    return {
      status: fatal ? 'down' : well ? 'ok' : 'degraded',
      reasons: asked.flatMap(({ check, ...result }) => this.#reason(check.name, result)),
      checks: asked.map(({ status, check }) => ({ name: check.name, status })),
    };
  }

  async #ask(check: ReadinessCheck): Promise<ReadinessResult> {
    try {
      return await withDeadline(this.clock, CHECK_TIMEOUT_MS, (signal) => check.check(signal));
    } catch (error) {
      this.#log.warn(`Readiness check '${check.name}' failed: ${reasonOf(error)}`);
      return { status: 'down', detail: 'The check failed; the log has the reason.' };
    }
  }

  #reason(name: string, { status, detail, since }: ReadinessResult): HealthReason[] {
    if (status === 'ok') {
      this.#seen.delete(name);
      return [];
    }
    const first = since ?? this.#seen.get(name) ?? this.clock.now();
    this.#seen.set(name, first);
    return [{ name, status, detail: detail ?? 'It is not well.', since: first }];
  }
}
