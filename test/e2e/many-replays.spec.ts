import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { TestServer, checkContiguous } from '../../src/testing/index.js';
import { AppendPipeline, EventFactory, ThreadsService } from '../../src/threads/index.js';

const THREADS = 60;
const EVENTS = 40;
const EVENT_BYTES = 4_000;
const SLOW_CONSUMER_BYTES = 65_536;
/** A few pages of the log, and what the connection itself says. */
const PAGES_BYTES = 4 * (65_536 + EVENT_BYTES) + 16_384;

describe('A connection that follows many threads from their beginning', () => {
  let server: TestServer;

  beforeEach(async () => {
    const env = { SLOW_CONSUMER_BYTES: String(SLOW_CONSUMER_BYTES) };
    server = await TestServer.start({ env });
  });

  afterEach(() => server.close());

  it('is given them in turn: what is unsent stays within its bound and a few pages, and all of it arrives', async () => {
    const factory = server.get(EventFactory);
    const threadIds = await Promise.all(
      Array.from({ length: THREADS }, async () => {
        const { threadId } = await server.get(ThreadsService).create('alice', {});
        const data = { name: 'note', value: 'x'.repeat(EVENT_BYTES) };
        const events = Array.from({ length: EVENTS }, () => factory.make({ type: 'custom', data }));
        await server.get(AppendPipeline).append(threadId, events);
        return threadId;
      }),
    );
    const alice = await server.ready('alice');
    const [connection] = server.get(ConnectionRegistry).all();
    let most = 0;
    connection?.socket.conn.on('packetCreate', () => (most = Math.max(most, connection.outbox.unsent)));

    await Promise.all(threadIds.map((threadId) => alice.ask('subscribe_thread', { threadId, after: 0 })));
    for (const threadId of threadIds) await alice.next('thread_caught_up', (data) => data['threadId'] === threadId);

    for (const threadId of threadIds) {
      checkContiguous(alice.events(threadId));
      expect(alice.events(threadId)).toHaveLength(EVENTS);
    }
    expect(most).toBeGreaterThan(SLOW_CONSUMER_BYTES / 2);
    expect(most).toBeLessThan(SLOW_CONSUMER_BYTES / 2 + PAGES_BYTES);
    expect(alice.disconnects).toEqual([]);
  });
});
