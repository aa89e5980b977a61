import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { Log } from '../logs/index.js';
import { Contributions } from './contributions.js';
import { withDeadline } from './deadline.js';
import { DRAIN_STAGES, DrainStep } from './drain-step.js';
import { reasonOf } from './startup-error.js';

const STAGE_ORDER = Object.keys(DRAIN_STAGES);

/** Runs the drain steps of all modules. */
@Injectable()
export class Drainer {
  readonly #log = new Log('Drain');

  constructor(
    private readonly contributions: Contributions,
    private readonly clock: Clock,
  ) {}

  /** Resolves when every step has ended or was too late, at most `graceMs` after the call. Never rejects. */
  async drain(graceMs: number): Promise<void> {
    const begun = this.clock.monotonic();
    const steps = this.contributions
      .of(DrainStep)
      .sort((one, other) => STAGE_ORDER.indexOf(one.stage) - STAGE_ORDER.indexOf(other.stage));
    for (const step of steps) {
      const spentMs = this.clock.monotonic() - begun;
      const budgetMs = Math.max(0, Math.round(graceMs * DRAIN_STAGES[step.stage] - spentMs));
      try {
        await withDeadline(this.clock, budgetMs, (signal) => step.run(signal, budgetMs));
      } catch (error) {
        this.#log.error(`Drain step '${step.name}' (${step.stage}): ${reasonOf(error)}`);
      }
    }
  }
}
