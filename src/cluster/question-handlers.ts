import type { Log } from '../logs/index.js';
import type { JsonValue } from '../protocol/index.js';
import type { QuestionHandler } from './bus.js';

/** What this node can answer. */
export class QuestionHandlers {
  readonly #handlers = new Map<string, QuestionHandler>();

  constructor(private readonly log: Log) {}

  add(question: string, handler: QuestionHandler): () => void {
    if (this.#handlers.has(question)) throw new Error(`The question '${question}' has a handler already.`);
    this.#handlers.set(question, handler);
    return () => {
      if (this.#handlers.get(question) === handler) this.#handlers.delete(question);
    };
  }

  /** Undefined: nobody here can say, or it failed. Never rejects. */
  async answer(question: string, data: JsonValue): Promise<JsonValue | undefined> {
    try {
      return await this.#handlers.get(question)?.(data);
    } catch (error) {
      this.log.defect(error);
      return undefined;
    }
  }
}
