import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

import { ModelReply } from './model-reply.js';
import { RecordingServer } from './recording-server.js';

/** Writes one answer; it may wait for whatever it likes in between. */
export type ReplyScript = (reply: ModelReply, request: ModelRequest) => void | Promise<void>;

/** One request as it came in. */
export interface ModelRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly model: string;
    readonly messages: readonly Readonly<Record<string, unknown>>[];
    readonly tools?: readonly unknown[];
    readonly [field: string]: unknown;
  };
  readonly reply: ModelReply;
}

/**
 * A real HTTP server that speaks as OpenAI-compatible ones do, and says what a test tells it to: each request is
 * answered by the next script, and one without a script by status 500.
 */
export class OpenAiServer extends RecordingServer<ModelRequest> {
  /** All that came, in order. */
  readonly requests: readonly ModelRequest[] = this.came;
  readonly #scripts: ReplyScript[] = [];

  private constructor() {
    super();
  }

  static async start(): Promise<OpenAiServer> {
    const server = new OpenAiServer();
    await server.listen();
    return server;
  }

  get baseUrl(): string {
    return `${this.origin}/v1`;
  }

  /** The environment of a server whose `assistant` asks here. */
  get env(): Readonly<Record<string, string>> {
    return { OPENAI_BASE_URL: this.baseUrl, OPENAI_API_KEY: 'key-of-a-test', OPENAI_MODEL: 'test-model' };
  }

  /** Answers the next request that has no answer yet with this. */
  reply(script: ReplyScript): void {
    this.#scripts.push(script);
  }

  /** The next answer is this text, in these pieces. */
  say(...pieces: readonly string[]): void {
    this.reply((reply) => reply.text(...pieces).finish());
  }

  /** The request of this number, counted from 0, once it is here. */
  request(index: number): Promise<ModelRequest> {
    return this.one(index);
  }

  protected override async take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(incoming)) as ModelRequest['body'];
    const { url: path = '', headers } = incoming;
    const request = { path, headers, body, reply: new ModelReply(response, body.model) };
    this.keep(request);
    const script = this.#scripts.shift();
    if (script === undefined) request.reply.fail(500, { message: 'The test has no answer for this.' });
    else await script(request.reply, request);
  }
}
