import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, type TestClient } from '../../src/testing/index.js';
import { askDebug } from './debug-kit.js';
import type { Parsed } from './event-source-client.js';
import { eventually } from './gateway-kit.js';
import { newThread } from './scripted-server.js';

let server: TestServer;
let alice: TestClient;
let bob: TestClient;

beforeEach(async () => {
  server = await TestServer.start();
  alice = await server.ready('alice');
  bob = await server.ready('bob', { auth: { frames: 'batch' } });
});

afterEach(() => server.close());

const idOf = (client: TestClient): string =>
  client.frames.find(({ name }) => name === 'connection_accepted')?.data['connectionId'] as string;

const list = async (query = ''): Promise<Parsed> => (await askDebug(server, `/debug/connections${query}`)).body;
const listed = async (query = ''): Promise<string[]> =>
  ((await list(query)).connections as { connectionId: string }[]).map(({ connectionId }) => connectionId);
const details = async (client: TestClient): Promise<Parsed> =>
  (await askDebug(server, `/debug/connections/${idOf(client)}`)).body;

describe('GET /debug/connections', () => {
  it('has every open connection with its state, its user and its node', async () => {
    const stranger = server.connect();
    await stranger.next('connection_accepted');
    stranger.socket.emit('ping');
    stranger.socket.emit('create_thread', {});
    await eventually('the requests are held', async () => {
      const { connections } = await list('?state=accepted');
      return connections[0]?.requests.held === 2;
    });
    const { connections, nextCursor, nodes, missingNodes } = await list();

    expect(nextCursor).toBeNull();
    expect(missingNodes).toEqual([]);
    expect(nodes).toEqual([expect.stringMatching(/^node_[0-9a-f]+$/)]);
    const byId = new Map(
      (connections as Parsed[]).map((connection) => [connection.connectionId as string, connection]),
    );
    expect([...byId.keys()]).toEqual([...byId.keys()].sort());
    expect(byId.size).toBe(3);
    expect(byId.get(idOf(alice))).toMatchObject({
      ...{ node: nodes[0], state: 'ready', userId: 'alice', transport: 'websocket', frames: 'single' },
      ...{ activeThreadId: null, followedThreads: 0, roles: [], unsentBytes: 0 },
      ...{ acceptedAt: expect.any(Number), authenticatedAt: expect.any(Number), readyAt: expect.any(Number) },
      ...{ tokenExpiresAt: expect.any(Number), flushedAt: expect.any(Number) },
      requests: { held: 0, inHand: 0, oldestMs: null },
    });
    expect(byId.get(idOf(bob))).toMatchObject({ userId: 'bob', frames: 'batch' });
    expect(byId.get(idOf(stranger))).toMatchObject({
      ...{ state: 'accepted', userId: null, authenticatedAt: null, readyAt: null, tokenExpiresAt: null },
      requests: { held: 2, inHand: 0, oldestMs: expect.any(Number) },
    });
  });

  it('is asked by user, thread and state', async () => {
    const threadId = await newThread(alice);
    await alice.ask('switch_thread', { threadId });

    expect(await listed('?userId=bob')).toEqual([idOf(bob)]);
    expect(await listed(`?threadId=${threadId}`)).toEqual([idOf(alice)]);
    expect(await listed(`?threadId=${threadId}&userId=bob`)).toEqual([]);
    expect(await listed('?state=accepted')).toEqual([]);
  });

  it('is given page by page', async () => {
    await Promise.all(['carol', 'dave', 'erin'].map((userId) => server.ready(userId)));
    const pages: string[][] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Parsed = await list(`?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      pages.push((page.connections as Parsed[]).map(({ connectionId }) => connectionId as string));
      cursor = page.nextCursor as string | null;
    }

    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(await listed());
  });

  it.each(['?limit=0', '?limit=x', '?state=closed', '?userId=', '?threadId=nonsense'])('refuses %s', async (query) => {
    expect(await askDebug(server, `/debug/connections${query}`)).toMatchObject({ status: 400 });
  });
});

describe('GET /debug/connections/:id', () => {
  it('tells what is followed, why, from where and how far', async () => {
    const threadId = await newThread(alice);
    const other = await newThread(alice);
    await alice.ask('subscribe_thread', { threadId: other });
    await alice.ask('user_message', { threadId, content: 'one two' });
    const { seq } = await alice.next('agent_completed');
    await alice.fence();
    await eventually('all has left', async () => (await details(alice)).threads[1]?.flushedThrough === seq);

    const { threads, activeThreadId, followedThreads, ended } = await details(alice);
    expect({ activeThreadId, followedThreads, ended }).toEqual({
      activeThreadId: threadId,
      followedThreads: 2,
      ended: [],
    });
    expect(threads).toMatchObject([
      { threadId: other, active: false, subscribed: true, state: 'live', from: 0, resumed: false, position: 0 },
      { threadId, active: true, subscribed: false, state: 'live', from: 0, resumed: false, position: seq },
    ]);
    for (const thread of threads as Parsed[]) {
      expect(thread).toMatchObject({ connectionId: idOf(alice), userId: 'alice', closedAt: null, closedBy: null });
      expect(thread.epoch).toMatch(/^[0-9a-f]{16}$/);
    }
  });

  it('remembers the followings that ended, and how; also those of a connection that has closed', async () => {
    const [one, two, three] = [await newThread(alice), await newThread(alice), await newThread(alice)];
    await alice.ask('switch_thread', { threadId: one, after: 0 });
    await alice.ask('switch_thread', { threadId: one, after: 0 });
    await alice.ask('switch_thread', { threadId: two });
    await alice.ask('unsubscribe_thread', { threadId: two });
    await alice.ask('switch_thread', { threadId: three });
    const ends = async (): Promise<unknown[]> =>
      ((await details(alice)).ended as Record<string, unknown>[]).map(({ threadId, closedBy }) => [threadId, closedBy]);
    const soFar = [
      [one, 'repositioned'],
      [one, 'switched'],
      [two, 'released'],
    ];
    expect(await ends()).toEqual(soFar);
    alice.close();
    await eventually('it is closed', async () => (await details(alice)).state === 'closed');

    expect(await details(alice)).toMatchObject({
      connectionId: idOf(alice),
      userId: 'alice',
      node: expect.any(String),
    });
    expect(await ends()).toEqual([...soFar, [three, 'connection_closed']]);
  });

  it('is not found where nothing is known of it', async () => {
    const path = '/debug/connections/conn_00000000-0000-4000-8000-000000000000';

    expect(await askDebug(server, path)).toMatchObject({
      status: 404,
      body: { code: 'connection_not_found', details: { missingNodes: [] } },
    });
    expect(await askDebug(server, '/debug/connections/alice')).toMatchObject({
      status: 400,
      body: { code: 'invalid_id' },
    });
  });
});
