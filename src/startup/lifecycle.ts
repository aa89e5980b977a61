import { Injectable } from '@nestjs/common';

const PHASES = ['starting', 'ready', 'draining', 'stopped'] as const;

/** `starting → ready → draining → stopped`; a failed start goes to `stopped` at once. */
export type LifecyclePhase = (typeof PHASES)[number];

/** Where this application is in its life. The one truth about it: the gate and the health answers read it here. */
@Injectable()
export class Lifecycle {
  readonly #awaiting = new Map<LifecyclePhase, (() => void)[]>();
  #phase: LifecyclePhase = 'starting';

  get phase(): LifecyclePhase {
    return this.#phase;
  }

  /** Calls once, in the move to this phase; at once where it is there. Never, where that phase is left out or over. */
  on(phase: LifecyclePhase, act: () => void): void {
    if (this.#phase === phase) act();
    else this.#awaiting.set(phase, [...(this.#awaiting.get(phase) ?? []), act]);
  }

  /** Throws when `next` does not lie ahead: a process that drains never becomes ready again. */
  moveTo(next: LifecyclePhase): void {
    if (PHASES.indexOf(next) <= PHASES.indexOf(this.#phase)) {
      throw new Error(`The application is ${this.#phase} and cannot become ${next}.`);
    }
    this.#phase = next;
    const acts = this.#awaiting.get(next) ?? [];
    this.#awaiting.delete(next);
    for (const act of acts) act();
  }
}
