import type { Clock, Timer } from '../clock/index.js';

export interface WatchdogLimits {
  readonly runTimeoutMs: number;
  readonly runStallMs: number;
  readonly inputTimeoutMs: number;
}

/** What a run did not do in time. */
export type Overdue = 'run_timeout' | 'run_stalled' | 'input_expired';

/**
 * Measures one run by what is in the log. Working time and silence rest while a request for input is open; each
 * request has its own time. Tells once what is overdue, and is stopped then.
 */
export class RunWatchdog {
  readonly #inputs = new Map<string, Timer>();
  #state: 'new' | 'working' | 'resting' | 'stopped' = 'new';
  #workedMs = 0;
  #workingSince = 0;
  #lastEventAt = 0;
  #timeout: Timer | null = null;
  #stall: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly limits: WatchdogLimits,
    private readonly onOverdue: (what: Overdue) => void,
  ) {}

  /** The run waits for input. */
  get resting(): boolean {
    return this.#state === 'resting';
  }

  start(): void {
    if (this.#state === 'new') this.#work();
  }

  /** An event of the run was committed. */
  progressed(): void {
    this.#lastEventAt = this.clock.monotonic();
  }

  inputRequested(requestId: string): void {
    if (this.#state === 'working') this.#rest();
    if (this.#state !== 'resting') return;
    const timer = this.clock.after(this.limits.inputTimeoutMs, () => this.#overdue('input_expired'));
    this.#inputs.set(requestId, timer);
  }

  inputReceived(requestId: string): void {
    this.#inputs.get(requestId)?.cancel();
    this.#inputs.delete(requestId);
    if (this.#state === 'resting' && this.#inputs.size === 0) this.#work();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#cancelWork();
    for (const timer of this.#inputs.values()) timer.cancel();
    this.#inputs.clear();
  }

  #work(): void {
    this.#state = 'working';
    this.#workingSince = this.#lastEventAt = this.clock.monotonic();
    const left = Math.max(0, this.limits.runTimeoutMs - this.#workedMs);
    this.#timeout = this.clock.after(left, () => this.#overdue('run_timeout'));
    this.#watchSilence(this.limits.runStallMs);
  }

  #rest(): void {
    this.#state = 'resting';
    this.#workedMs += this.clock.monotonic() - this.#workingSince;
    this.#cancelWork();
  }

  /** Looks when silence could have lasted long enough, instead of setting a timer anew at each event. */
  #watchSilence(afterMs: number): void {
    this.#stall = this.clock.after(afterMs, () => {
      const left = this.#lastEventAt + this.limits.runStallMs - this.clock.monotonic();
      if (left > 0) this.#watchSilence(left);
      else this.#overdue('run_stalled');
    });
  }

  #cancelWork(): void {
    this.#timeout?.cancel();
    this.#stall?.cancel();
  }

  #overdue(what: Overdue): void {
    this.stop();
    this.onOverdue(what);
  }
}
