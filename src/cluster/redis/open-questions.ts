import type { Clock, Timer } from '../../clock/index.js';
import type { JsonValue } from '../../protocol/index.js';
import type { Answers } from '../bus.js';

/** Questions that wait at once; of what is over, nobody else is asked. */
const MAX_OPEN = 1_000;

interface Open {
  readonly waitsFor: Set<string>;
  readonly answers: Map<string, JsonValue>;
  readonly failed: Set<string>;
  readonly timer: Timer;
  readonly resolve: (answers: Answers) => void;
}

/** Questions that this node has asked and that are not answered by all yet. */
export class OpenQuestions {
  readonly #open = new Map<string, Open>();

  constructor(private readonly clock: Clock) {}

  get isFull(): boolean {
    return this.#open.size >= MAX_OPEN;
  }

  ask(id: string, nodeIds: readonly string[], limitMs: number): Promise<Answers> {
    return new Promise((resolve) => {
      const timer = this.clock.after(limitMs, () => this.#close(id));
      this.#open.set(id, { waitsFor: new Set(nodeIds), answers: new Map(), failed: new Set(), timer, resolve });
    });
  }

  /** Undefined: it cannot say. Ignored once the question is over. */
  answered(id: string, nodeId: string, answer: JsonValue | undefined): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    if (answer === undefined) open.failed.add(nodeId);
    else open.answers.set(nodeId, answer);
    open.waitsFor.delete(nodeId);
    if (open.waitsFor.size === 0) this.#close(id);
  }

  /** A node that has left is not waited for. */
  left(nodeId: string): void {
    for (const [id, open] of this.#open) {
      if (open.waitsFor.delete(nodeId) && open.waitsFor.size === 0) this.#close(id);
    }
  }

  /** Nobody else will answer. */
  closeAll(): void {
    for (const id of [...this.#open.keys()]) this.#close(id);
  }

  #close(id: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    open.timer.cancel();
    open.resolve({ answers: open.answers, silent: [...open.waitsFor, ...open.failed] });
  }
}
