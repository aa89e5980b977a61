import type { JsonValue } from '../protocol/index.js';
import { answerOf, type InputRequest, type RunInput } from '../threads/index.js';
import type { InputQuestion } from './agent.js';
import { looked, type SendWindow } from './send-window.js';

/** What a request costs beside its prompt and schema. */
const REQUEST_OVERHEAD_BYTES = 500;
const MAX_REQUEST_ID_CHARS = 256;

interface Question {
  readonly answer: Promise<JsonValue>;
  readonly resolve: (value: JsonValue) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * What an agent asks, behind what it emitted before, and the answers. An answer may come before it is waited for: to a
 * request of an earlier attempt that is just being taken up.
 */
export class Questions {
  readonly #questions = new Map<string, Question>();
  #closed: Error | null = null;

  constructor(
    private readonly window: SendWindow,
    /** The request is durable, and the agent waits for its answer. */
    private readonly onOpen: (input: RunInput) => void,
  ) {}

  /** Resolves with the answer; rejects when the run ends first. The promise may be left alone. */
  ask(question: InputQuestion, request: (request: InputRequest) => Promise<RunInput>): Promise<JsonValue> {
    const asked = new Promise<RunInput>((resolve, reject) => {
      this.#send(question, (made) => request(made).then(resolve)).catch(reject);
    });
    return looked(asked.then((input) => this.#answered(input)));
  }

  answer(requestId: string, value: JsonValue): void {
    if (this.#closed === null) this.#question(requestId).resolve(value);
  }

  /** The run has ended. */
  close(reason: Error): void {
    this.#closed = reason;
    for (const { reject } of this.#questions.values()) reject(reason);
    this.#questions.clear();
  }

  #send(question: InputQuestion, send: (request: InputRequest) => Promise<void>): Promise<void> {
    try {
      const request = requestOf(question);
      const bytes = JSON.stringify(request).length + REQUEST_OVERHEAD_BYTES;
      return this.window.push(bytes, () => send(request));
    } catch (error) {
      return this.window.refuse(error);
    }
  }

  #answered(input: RunInput): JsonValue | Promise<JsonValue> {
    const answer = answerOf(input);
    // Null is an answer.
    if (answer !== undefined) return answer;
    if (this.#closed !== null) return Promise.reject(this.#closed);
    this.onOpen(input);
    return this.#question(input.requestId).answer;
  }

  #question(requestId: string): Question {
    const known = this.#questions.get(requestId);
    if (known !== undefined) return known;
    let resolve!: Question['resolve'];
    let reject!: Question['reject'];
    const answer = looked(new Promise<JsonValue>((...settle) => ([resolve, reject] = settle)));
    const question = { answer, resolve, reject };
    this.#questions.set(requestId, question);
    return question;
  }
}

/** The question as it is stored. Throws a TypeError for what is none. */
function requestOf({ requestId, prompt, schema }: InputQuestion): InputRequest {
  if (requestId !== undefined && !isRequestId(requestId)) {
    throw new TypeError(`The requestId of a question has 1–${MAX_REQUEST_ID_CHARS} characters.`);
  }
  return {
    ...(requestId === undefined ? {} : { requestId }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(schema === undefined ? {} : { schema }),
  };
}

function isRequestId(given: unknown): boolean {
  return typeof given === 'string' && given.length >= 1 && given.length <= MAX_REQUEST_ID_CHARS;
}
