import type { Clock, Timer } from '../clock/index.js';

export interface WatchdogLimits {
  readonly runTimeoutMs: number;
  readonly runStallMs: number;
  readonly inputTimeoutMs: number;
}

export interface WatchdogListener {
  /** Told once; the watchdog is stopped then. */
  onOverdue(what: 'run_timeout' | 'run_stalled'): void;
  /** Whether it is too late is for the log to say: the answer may be on its way. Nothing is stopped. */
  onExpired(requestId: string): void;
  /** The run has begun to wait for input, or waits no more. */
  onRest(): void;
}

/**
 * Measures one run by what is in the log. Working time and silence rest while a request for input is open; each
 * request has its own time.
 */
export class RunWatchdog {
  /** By requestId; null: answered. */
  readonly #inputs = new Map<string, Timer | null>();
  #state: 'new' | 'working' | 'resting' | 'stopped' = 'new';
  #workedMs = 0;
  #workingSince = 0;
  #lastEventAt = 0;
  #timeout: Timer | null = null;
  #stall: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly limits: WatchdogLimits,
    private readonly listener: WatchdogListener,
  ) {}

  /** The run waits for input. */
  get resting(): boolean {
    return this.#state === 'resting';
  }

  /** The requests for input that have no answer yet. */
  get openInputs(): number {
    return [...this.#inputs.values()].filter((timer) => timer !== null).length;
  }

  /** How long it has worked, without the time in which it rested. */
  get workedMs(): number {
    const since = this.#state === 'working' ? this.clock.monotonic() - this.#workingSince : 0;
    return Math.round(this.#workedMs + since);
  }

  /** Null: silence is not measured now. */
  get silentMs(): number | null {
    return this.#state === 'working' ? Math.round(this.clock.monotonic() - this.#lastEventAt) : null;
  }

  start(): void {
    if (this.#state === 'new') this.#work();
  }

  /** An event of the run was committed. */
  progressed(): void {
    this.#lastEventAt = this.clock.monotonic();
  }

  /** `waitedMs`: how long it has been open already. One that is known, or has its answer, changes nothing. */
  inputRequested(requestId: string, waitedMs = 0): void {
    if (this.#state === 'new' || this.#state === 'stopped' || this.#inputs.has(requestId)) return;
    const left = Math.max(0, this.limits.inputTimeoutMs - waitedMs);
    this.#inputs.set(
      requestId,
      this.clock.after(left, () => this.listener.onExpired(requestId)),
    );
    if (this.#state === 'working') this.#rest();
  }

  /** Also of a request that is not known yet: it may be heard of before its request is taken up. */
  inputReceived(requestId: string): void {
    this.#inputs.get(requestId)?.cancel();
    this.#inputs.set(requestId, null);
    if (this.#state !== 'resting' || this.openInputs > 0) return;
    this.#work();
    this.listener.onRest();
  }

  stop(): void {
    this.#workedMs = this.workedMs;
    this.#state = 'stopped';
    this.#cancelWork();
    for (const timer of this.#inputs.values()) timer?.cancel();
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
    this.listener.onRest();
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

  #overdue(what: 'run_timeout' | 'run_stalled'): void {
    this.stop();
    this.listener.onOverdue(what);
  }
}
