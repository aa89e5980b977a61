import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../../src/ids/index.js';
import { ConnectionRegistry } from '../../src/gateway/index.js';
import { TestServer, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { AppendPipeline, EventFactory, ThreadsService } from '../../src/threads/index.js';

const NOTES = 1_300;
const WORDS = 1_300;
const HEAD = 1 + NOTES + WORDS;

let server: TestServer;
let threadId: ThreadId;

beforeEach(async () => {
  server = await TestServer.start();
  ({ threadId } = await server.get(ThreadsService).create('alice', {}));
  await server.get(ThreadsService).share('alice', threadId, 'bob');
  const factory = server.get(EventFactory);
  const notes = Array.from({ length: NOTES }, (_, value) =>
    factory.make({ type: 'custom', data: { name: 'grüße 👋', value } }),
  );
  const words = Array.from({ length: WORDS }, (_, index) =>
    factory.make({ type: 'agent_delta', data: { messageId: 'm', text: `${index} ` } }),
  );
  await server.get(AppendPipeline).append(threadId, [...notes, ...words]);
});

afterEach(() => server.close());

const TEXT = Array.from({ length: WORDS }, (_, index) => `${index} `).join('');

async function readAll(client: TestClient): Promise<void> {
  await client.ask('switch_thread', { threadId, after: 0 });
  expect(await client.next('thread_caught_up')).toEqual({ threadId, head: HEAD });
}

function checkComplete(client: TestClient): void {
  const events = client.events(threadId);
  checkContiguous(events);
  expect(events.at(-1)?.seq).toBe(HEAD);
  const notes = events.filter(({ type }) => type === 'custom').map(({ data }) => data);
  expect(notes).toEqual(Array.from({ length: NOTES }, (_, value) => ({ name: 'grüße 👋', value })));
  expect(deltaText(events)).toBe(TEXT);
}

/** The server's side of this user's only connection. */
function connOf(userId: string) {
  const conn = server
    .get(ConnectionRegistry)
    .all()
    .find(({ principal }) => principal?.userId === userId)?.socket.conn;
  if (conn === undefined) throw new Error(`${userId} is not connected.`);
  return conn;
}

function countPackets(userId: string): () => number {
  let packets = 0;
  connOf(userId).on('packetCreate', () => (packets += 1));
  return () => packets;
}

const AS_THEY_LIKE = ['alice', 'bob'].flatMap((userId) =>
  [['websocket'], ['polling']].flatMap((transports) =>
    ['single', 'batch'].map((frames) => ({ userId, transports, frames })),
  ),
);

describe('Connections of two users that read one log at once', () => {
  it('are each given all of it, in their own transport and frames, and it is read a few times', async () => {
    const clients = await Promise.all(
      AS_THEY_LIKE.map(({ userId, transports, frames }) => server.ready(userId, { transports, auth: { frames } })),
    );
    await Promise.all(clients.map((client) => readAll(client)));

    for (const client of clients) checkComplete(client);
    const pages = (source: 'log' | 'shared') => server.metrics.value('threadcast_delivery_pages_total', { source });
    expect(await pages('shared')).toBeGreaterThan(await pages('log'));
  });

  it.each(['single', 'batch'])('are handed many events in one piece: frames %s', async (frames) => {
    const client = await server.ready('alice', { auth: { frames } });
    const packets = countPackets('alice');
    await readAll(client);

    checkComplete(client);
    expect(packets()).toBeLessThan(30);
  });

  it.each(['single', 'batch'])('are given texts by a transport that takes no frames: %s', async (frames) => {
    const client = await server.ready('bob', { auth: { frames } });
    // As where messages are deflated: frames that are made for all are of no use then.
    Object.assign(connOf('bob').transport, { perMessageDeflate: { threshold: Number.POSITIVE_INFINITY } });
    const packets = countPackets('bob');
    await readAll(client);

    checkComplete(client);
    if (frames === 'single') expect(packets()).toBeGreaterThan(NOTES);
  });
});
