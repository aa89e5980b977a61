import { Injectable } from '@nestjs/common';

const PHASES = ['starting', 'ready', 'draining', 'stopped'] as const;

/** `starting → ready → draining → stopped`; a failed start goes to `stopped` at once. */
export type LifecyclePhase = (typeof PHASES)[number];

/** Where this application is in its life. The one truth about it: the gate and the health answers read it here. */
@Injectable()
export class Lifecycle {
  #phase: LifecyclePhase = 'starting';

  get phase(): LifecyclePhase {
    return this.#phase;
  }

  /** Throws when `next` does not lie ahead: a process that drains never becomes ready again. */
  moveTo(next: LifecyclePhase): void {
    if (PHASES.indexOf(next) <= PHASES.indexOf(this.#phase)) {
      throw new Error(`The application is ${this.#phase} and cannot become ${next}.`);
    }
    this.#phase = next;
  }
}
