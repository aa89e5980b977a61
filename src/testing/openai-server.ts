import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { ModelReply } from './model-reply.js';

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
export class OpenAiServer {
  /** All that came, in order. */
  readonly requests: ModelRequest[] = [];
  readonly #scripts: ReplyScript[] = [];
  #awaited: { readonly index: number; readonly resolve: (request: ModelRequest) => void }[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async start(): Promise<OpenAiServer> {
    const server = new OpenAiServer();
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return server;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
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
    const present = this.requests[index];
    if (present !== undefined) return Promise.resolve(present);
    return new Promise((resolve) => this.#awaited.push({ index, resolve }));
  }

  /** Ends all connections too, those that are being answered included. */
  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.close((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
      this.#server.closeAllConnections();
    });
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(incoming)) as ModelRequest['body'];
    const { url: path = '', headers } = incoming;
    const request = { path, headers, body, reply: new ModelReply(response, body.model) };
    const index = this.requests.push(request) - 1;
    for (const { resolve } of this.#awaited.filter((awaited) => awaited.index === index)) resolve(request);
    this.#awaited = this.#awaited.filter((awaited) => awaited.index !== index);
    const script = this.#scripts.shift();
    if (script === undefined) request.reply.fail(500, { message: 'The test has no answer for this.' });
    else await script(request.reply, request);
  }
}
