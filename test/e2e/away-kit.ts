import { createHmac } from 'node:crypto';
import type { Socket as TcpSocket } from 'node:net';

import { DeliveryOptions } from '../../src/delivery/index.js';
import { GatewayOptions } from '../../src/gateway/index.js';
import type { NoticeOutcome } from '../../src/storage/index.js';
import type { TestClient, TestServerOptions, WebhookDelivery, WebhookReceiver } from '../../src/testing/index.js';
import { TestServer } from '../../src/testing/index.js';
import { eventually } from './gateway-kit.js';

/** A server that tells this receiver of users who are away. Its clients have little time to come back. */
export function startAway(
  receiver: WebhookReceiver | null,
  { delivery = {}, gateway = {}, ...options }: AwayOptions = {},
): Promise<TestServer> {
  const webhook = receiver === null ? null : { url: receiver.url, secret: receiver.secret };
  const away = Object.assign(new DeliveryOptions(), { webhook, returnMs: 20, ...delivery });
  return TestServer.start({
    ...options,
    override: (builder) =>
      builder
        .overrideProvider(DeliveryOptions)
        .useValue(away)
        .overrideProvider(GatewayOptions)
        .useValue(Object.assign(new GatewayOptions(), gateway)),
  });
}

export interface AwayOptions extends Omit<TestServerOptions, 'override'> {
  readonly delivery?: Partial<DeliveryOptions>;
  readonly gateway?: Partial<GatewayOptions>;
}

/** Says something without following the thread. */
export async function say(
  server: TestServer,
  userId: string,
  threadId: unknown,
  message: object = { content: 'a secret word' },
): Promise<Readonly<Record<string, unknown>>> {
  const response = await server.fetch(userId, `/api/threads/${String(threadId)}/messages`, {
    method: 'POST',
    body: JSON.stringify(message),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Record<string, unknown>;
}

/** Resolves when so many notices have ended like this. */
export function settled(server: TestServer, outcome: NoticeOutcome | 'thread_deleted', count = 1): Promise<void> {
  return eventually(`${count} notices are ${outcome}`, async () => (await noticeCount(server, outcome)) >= count);
}

export function noticeCount(server: TestServer, outcome: NoticeOutcome | 'thread_deleted'): Promise<number> {
  return server.metrics.value('threadcast_delivery_notices_total', { outcome });
}

/** Whether the signature is what the secret makes of the body. */
export function isSigned({ headers, text }: WebhookDelivery, secret: string): boolean {
  const given = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['threadcast-signature']));
  if (given === null) return false;
  const [, time, signature] = given;
  return createHmac('sha256', secret).update(`${time}.${text}`).digest('hex') === signature;
}

/** The client is there no more, and its line tells nobody: it reads nothing and answers nothing. `end` it in the end. */
export function freeze(client: TestClient): { readonly end: () => void } {
  const engine = client.socket.io.engine as unknown as { transport: { ws: { _socket: TcpSocket } } };
  const socket = engine.transport.ws._socket;
  socket.pause();
  return { end: () => socket.destroy() };
}
