import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, type TestClient } from '../../src/testing/index.js';
import { askDebug } from './debug-kit.js';
import type { Parsed } from './event-source-client.js';
import { EventSourceClient } from './event-source-client.js';
import { newThread } from './scripted-server.js';

let server: TestServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

beforeEach(async () => {
  server = await TestServer.start();
  alice = await server.ready('alice');
  bob = await server.ready('bob');
  threadId = await newThread(alice);
  await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
});

afterEach(() => server.close());

const debug = async (query = ''): Promise<Parsed> =>
  (await askDebug(server, `/debug/threads/${threadId}${query}`)).body;

describe('GET /debug/threads/:id', () => {
  it('tells how the log stands, who follows it and how far, and who has acknowledged what', async () => {
    await alice.ask('switch_thread', { threadId, after: 0 });
    await bob.ask('subscribe_thread', { threadId });
    await alice.ask('user_message', { threadId, content: 'one two' });
    const { seq: head } = await bob.next('agent_completed');
    await alice.next('agent_completed');
    await bob.ask('ack_events', { threadId, seq: 3 });
    const { thread, channels, followers, followersTotal, cursors, next, nodes, missingNodes } = await debug();

    expect(thread).toEqual({
      ...{ threadId, epoch: expect.stringMatching(/^[0-9a-f]{16}$/), ownerId: 'alice', members: 1, head },
      ...{ createdAt: expect.any(Number), updatedAt: expect.any(Number) },
    });
    expect(channels).toEqual([
      {
        ...{ node: nodes[0], threadId, epoch: thread.epoch, cursor: head, reached: head },
        followers: { placed: 0, replaying: 0, live: 2, behind: 0 },
      },
    ]);
    expect(followersTotal).toBe(2);
    expect(new Map((followers as Parsed[]).map((follower) => [follower.userId as string, follower]))).toEqual(
      new Map([
        ['alice', expect.objectContaining({ from: 0, resumed: true, position: head, acknowledged: null })],
        ['bob', expect.objectContaining({ from: 1, resumed: false, position: head, acknowledged: 3, state: 'live' })],
      ]),
    );
    expect(cursors).toEqual([{ userId: 'bob', seq: 3, time: expect.any(Number) }]);
    expect({ next, missingNodes }).toEqual({
      next: { followersAfter: null, cursorsAfter: null },
      missingNodes: [],
    });
  });

  it('has the followers and the cursors page by page, event streams among them', async () => {
    await alice.ask('subscribe_thread', { threadId });
    await bob.ask('subscribe_thread', { threadId });
    const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${await server.token('bob')}` };
    const stream = new EventSourceClient(`${server.url}/api/threads/${threadId}/events`, headers);
    await stream.event(({ type }) => type === 'thread_updated');
    await alice.ask('ack_events', { threadId, seq: 1 });
    await bob.ask('ack_events', { threadId, seq: 1 });
    const whole = await debug();
    const first = await debug('?limit=2');
    const second = await debug(`?limit=2&followersAfter=${first.next.followersAfter}`);
    const cursors = await debug('?limit=1');
    const others = await debug(`?limit=1&cursorsAfter=${cursors.next.cursorsAfter}`);
    stream.close();

    const ids = (page: Parsed): string[] =>
      (page.followers as Parsed[]).map(({ connectionId }) => connectionId as string);
    expect(ids(whole)).toHaveLength(3);
    expect(ids(whole)[2]).toMatch(/^stream_/);
    expect([ids(first), ids(second)]).toEqual([ids(whole).slice(0, 2), ids(whole).slice(2)]);
    expect(second.next.followersAfter).toBeNull();
    expect([first.followersTotal, second.followersTotal]).toEqual([3, 3]);
    expect([cursors.cursors[0].userId, others.cursors[0].userId, others.next.cursorsAfter]).toEqual([
      'alice',
      'bob',
      null,
    ]);
  });

  it('has the runs that have not ended, with what is done with them, and the last ones', async () => {
    const start = async (input: object): Promise<unknown> =>
      (await alice.ask('start_agent', { threadId, agent: 'echo', input }))['runId'];
    await alice.ask('subscribe_thread', { threadId });
    const ended = await start({ text: 'done' });
    await alice.next('agent_completed');
    const asking = await start({ text: '', ask: 'Which?' });
    await alice.next('input_requested');
    const queued = [await start({ text: 'later' }), await start({ text: 'last' })];
    const { runs, runsTotal, latestRuns, nodes } = await debug();

    expect(runsTotal).toBe(3);
    expect(runs).toMatchObject([
      {
        ...{ runId: asking, status: 'waiting_input', attempt: 1, agent: 'echo', userId: 'alice' },
        execution: { node: nodes[0], state: 'waiting_input', waitsFor: null, silentMs: null, unsettledBytes: 0 },
      },
      {
        runId: queued[0],
        status: 'queued',
        execution: { state: 'queued', waitsFor: 'thread', ahead: 1, workedMs: null },
      },
      { runId: queued[1], status: 'queued', execution: { state: 'queued', waitsFor: 'thread', ahead: 2 } },
    ]);
    const latest = (latestRuns as Parsed[]).map(({ runId, status }) => [runId, status] as unknown);
    expect(latest).toEqual([
      [queued[1], 'queued'],
      [queued[0], 'queued'],
      [asking, 'waiting_input'],
      [ended, 'completed'],
    ]);
    const one = await debug('?limit=1');
    expect([one.runs.length, one.latestRuns.length, one.runsTotal]).toEqual([1, 1, 3]);
  });

  it('tells of a deleted thread that it was one, and of no other anything', async () => {
    await server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });

    expect(await askDebug(server, `/debug/threads/${threadId}`)).toMatchObject({
      status: 404,
      body: { code: 'thread_not_found', details: { deleted: true, ownerId: 'alice' } },
    });
    const none = await askDebug(server, '/debug/threads/thread_none');
    expect(none).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    expect(none.body.details).toBeUndefined();
    expect(await askDebug(server, '/debug/threads/none')).toMatchObject({ status: 400, body: { code: 'invalid_id' } });
    expect(await askDebug(server, `/debug/threads/${threadId}?limit=0`)).toMatchObject({ status: 400 });
  });
});
