import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

import { RecordingServer } from './recording-server.js';

/** How a delivery is answered: with a status, or by whatever a test does. */
export type DeliveryReply = number | ((response: ServerResponse) => void);

/** One call as it came in. */
export interface WebhookDelivery {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As it was sent: what is signed. */
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A real HTTP server that takes webhooks, and answers them as a test says: 204 unless told otherwise. */
export class WebhookReceiver extends RecordingServer<WebhookDelivery> {
  /** All that came, in order. */
  readonly deliveries: readonly WebhookDelivery[] = this.came;
  readonly secret = 'a secret that a test shares with its webhook';
  readonly #replies: DeliveryReply[] = [];
  #usual: DeliveryReply = 204;

  private constructor() {
    super();
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await receiver.listen();
    return receiver;
  }

  get url(): string {
    return `${this.origin}/hook`;
  }

  /** The environment of a server that tells of users who are away here. */
  get env(): Readonly<Record<string, string>> {
    return { OFFLINE_WEBHOOK_URL: this.url, OFFLINE_WEBHOOK_SECRET: this.secret };
  }

  /** Answers the next deliveries like this, one after the other. */
  reply(...replies: readonly DeliveryReply[]): void {
    this.#replies.push(...replies);
  }

  /** Answers all deliveries like this for which nothing else is said. */
  replyAlways(reply: DeliveryReply): void {
    this.#usual = reply;
  }

  /** The delivery of this number, counted from 0, once it is here. */
  delivery(index: number): Promise<WebhookDelivery> {
    return this.one(index);
  }

  protected override async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const { url: path = '', headers } = request;
    const delivery = { path, headers, text: body, body: JSON.parse(body) as WebhookDelivery['body'] };
    this.keep(delivery);
    const reply = this.#replies.shift() ?? this.#usual;
    if (typeof reply === 'number') response.writeHead(reply).end();
    else reply(response);
  }
}
