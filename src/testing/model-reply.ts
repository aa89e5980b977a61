import type { ServerResponse } from 'node:http';

/** Tokens as an OpenAI-compatible server tells them. */
const DEFAULT_USAGE = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 };

/** One answer of the model server, written step by step. The first step that is not `fail` begins a stream with status 200. */
export class ModelReply {
  /** Resolves when the other side has closed the connection, or the answer is complete. */
  readonly closed: Promise<void>;

  constructor(
    private readonly response: ServerResponse,
    private readonly model: string,
  ) {
    this.closed = new Promise((resolve) => response.once('close', resolve));
  }

  /** Whether the answer was written to its end. */
  get complete(): boolean {
    return this.response.writableFinished;
  }

  text(...pieces: readonly string[]): this {
    for (const content of pieces) this.#delta({ content });
    return this;
  }

  reasoning(...pieces: readonly string[]): this {
    for (const piece of pieces) this.#delta({ reasoning_content: piece });
    return this;
  }

  /** A call of a tool; arguments that are a string are sent as they are, broken JSON included. */
  toolCall(id: string, name: string, args: unknown, index = 0): this {
    const text = typeof args === 'string' ? args : JSON.stringify(args);
    const middle = Math.floor(text.length / 2);
    const head = { index, id, type: 'function', function: { name, arguments: text.slice(0, middle) } };
    this.#delta({ tool_calls: [head] });
    this.#delta({ tool_calls: [{ index, function: { arguments: text.slice(middle) } }] });
    return this;
  }

  /** Ends the stream as it should end. */
  finish(reason = 'stop', usage: unknown = DEFAULT_USAGE): void {
    this.#chunk({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
    this.#chunk({ choices: [], usage });
    this.raw('data: [DONE]\n\n').end();
  }

  /** Sends these bytes of a stream. */
  raw(text: string): this {
    if (!this.response.headersSent) this.response.writeHead(200, { 'content-type': 'text/event-stream' });
    this.response.write(text);
    return this;
  }

  /** Ends the response in order, whatever the stream lacks. */
  end(): void {
    this.response.end();
  }

  /** Tears the connection down. */
  cut(): void {
    this.response.destroy();
  }

  /** Refuses the request. */
  fail(status: number, error: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.response.writeHead(status, { 'content-type': 'application/json', ...headers });
    this.response.end(JSON.stringify({ error }));
  }

  #delta(delta: unknown): void {
    this.#chunk({ choices: [{ index: 0, delta, finish_reason: null }] });
  }

  #chunk(rest: object): void {
    const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: this.model, ...rest };
    this.raw(`data: ${JSON.stringify(chunk)}\n\n`);
  }
}
