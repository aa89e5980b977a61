import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { HistoryBounds } from '../../src/delivery/index.js';
import { TestServer, type TestClient } from '../../src/testing/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { askExplain } from './debug-kit.js';
import type { Parsed } from './event-source-client.js';
import { newThread } from './scripted-server.js';

const dirs = new TempDirs();
let dataDir: string;
let server: TestServer;
let alice: TestClient;
let threadId: string;
let seq: number;

beforeEach(async () => {
  dataDir = await dirs.make();
  server = await start();
  alice = await server.ready('alice');
  const bob = await server.ready('bob');
  threadId = await newThread(alice);
  await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
  await bob.ask('subscribe_thread', { threadId });
  await alice.ask('user_message', { threadId, content: 'one' });
  seq = Number((await bob.next('agent_completed'))['seq']);
  await bob.ask('unsubscribe_thread', { threadId });
  await alice.next('agent_completed');
});

afterEach(async () => {
  await server.close();
  await dirs.remove();
});

/** Remembers one ended following. */
function start(): Promise<TestServer> {
  const bounds = Object.assign(new HistoryBounds(), { maxKept: 1 });
  return TestServer.start({
    dataDir,
    override: (builder) => builder.overrideProvider(HistoryBounds).useValue(bounds),
  });
}

const explain = (userId: string, of = seq): Promise<Parsed> => askExplain(server, { threadId, userId, seq: of });

describe('What is remembered of followings', () => {
  it('is forgotten past its bound, and what is older is not known then', async () => {
    expect(await explain('bob')).toMatchObject({ outcome: 'sent' });
    const other = await newThread(alice);
    await alice.ask('subscribe_thread', { threadId: other });
    await alice.ask('unsubscribe_thread', { threadId: other });

    const forgotten = await explain('bob');
    expect(forgotten).toMatchObject({ outcome: 'unknown', followings: [], event: { seq } });
    expect(forgotten.knownSince).toBeGreaterThanOrEqual(forgotten.event.time as number);
    expect(forgotten.reason).toContain(new Date(forgotten.knownSince as number).toISOString());
    expect(await explain('alice')).toMatchObject({ outcome: 'sent' });
  });

  it('goes with the process; what is durable does not', async () => {
    await alice.ask('ack_events', { threadId, seq: seq - 1 });
    await server.stop();
    server = await start();
    const back = await server.ready('bob', { auth: { threadId, after: seq } });
    await back.next('thread_caught_up');

    expect(await explain('alice')).toMatchObject({ outcome: 'unknown', followings: [] });
    expect(await explain('alice', seq - 1)).toMatchObject({ outcome: 'acknowledged' });
    expect(await explain('bob')).toMatchObject({
      outcome: 'unknown',
      reason: expect.stringMatching(/; but conn_\S+ has asked for what comes after/),
    });
  });
});
