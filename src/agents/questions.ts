import type { JsonValue } from '../protocol/index.js';
import { looked } from './send-window.js';

interface Question {
  readonly resolve: (value: JsonValue) => void;
  readonly reject: (reason: unknown) => void;
}

/** Requests for input that an agent waits for. */
export class Questions {
  readonly #open = new Map<string, Question>();

  /** Resolves with the answer. The promise may be left alone. */
  wait(requestId: string): Promise<JsonValue> {
    return looked(new Promise((resolve, reject) => this.#open.set(requestId, { resolve, reject })));
  }

  answer(requestId: string, value: JsonValue): void {
    this.#open.get(requestId)?.resolve(value);
    this.#open.delete(requestId);
  }

  /** The request could not be made. */
  reject(requestId: string, reason: unknown): void {
    this.#open.get(requestId)?.reject(reason);
    this.#open.delete(requestId);
  }

  /** The run has ended. */
  close(reason: Error): void {
    for (const { reject } of this.#open.values()) reject(reason);
    this.#open.clear();
  }
}
