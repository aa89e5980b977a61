import type { RunId } from '../ids/index.js';
import type { RunExecution } from './run-execution.js';

/** The runs that this process executes, and which of them wait for input. */
export class Executions {
  readonly #all = new Map<RunId, RunExecution>();
  readonly #waitingForInput = new Set<RunExecution>();
  #onQuiet: (() => void) | null = null;

  get size(): number {
    return this.#all.size;
  }

  get waitingForInput(): number {
    return this.#waitingForInput.size;
  }

  get(runId: RunId): RunExecution | undefined {
    return this.#all.get(runId);
  }

  /** Those that have been taken up. */
  begun(): RunId[] {
    return [...this.#all.values()].flatMap(({ begun, runId }) => (begun ? [runId] : []));
  }

  add(execution: RunExecution): void {
    this.#all.set(execution.runId, execution);
  }

  remove(execution: RunExecution): void {
    this.#all.delete(execution.runId);
    this.#waitingForInput.delete(execution);
    this.#tellQuiet();
  }

  /** It has begun to wait for input, or waits no more. */
  rest(execution: RunExecution): void {
    if (execution.waitsForInput) this.#waitingForInput.add(execution);
    else this.#waitingForInput.delete(execution);
    this.#tellQuiet();
  }

  /** Resolves when none is at work, or when the signal is aborted. */
  quiet(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#onQuiet = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
      this.#tellQuiet();
    });
  }

  /** They are told to stop, and stay as they are for recovery. Answers how many they were. */
  abandon(): number {
    const { size } = this.#all;
    for (const execution of this.#all.values()) execution.abandon();
    this.#all.clear();
    this.#waitingForInput.clear();
    return size;
  }

  #tellQuiet(): void {
    if (this.#all.size === this.#waitingForInput.size) this.#onQuiet?.();
  }
}
