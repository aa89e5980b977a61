import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { EventEnvelope } from '../../src/protocol/index.js';
import { TestServer, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { newThread, wire } from './scripted-server.js';

let server: TestServer;
let alice: TestClient;
let bob: TestClient;

beforeAll(async () => {
  server = await TestServer.start({ env: { RATE_LIMIT_BURST: '1000' } });
  alice = await server.ready('alice');
  bob = await server.ready('bob');
});

afterAll(() => server.close());

/** A thread with the log of one run of so many words, each an event of its own. */
async function talked(words: number): Promise<string> {
  const threadId = await newThread(alice);
  const input = { text: 'word ', repeat: words, delayMs: 1 };
  const { runId } = await alice.ask('start_agent', { threadId, agent: 'echo', input });
  await alice.next('agent_completed', (event) => event['runId'] === runId);
  return threadId;
}

const eventsOf = (answer: Record<string, unknown>): EventEnvelope[] => answer['events'] as EventEnvelope[];

describe('get_thread_history', () => {
  let threadId: string;

  beforeAll(async () => {
    threadId = await talked(40);
  });

  it('reads the log from its beginning, page after page, as it was sent live', async () => {
    const pages: EventEnvelope[] = [];
    let after: unknown;
    for (let page = 0; page === 0 || after !== null; page += 1) {
      const answer = await alice.ask('get_thread_history', { threadId, limit: 7, ...(page > 0 && { after }) });
      expect(answer).toMatchObject({ head: 45, epoch: expect.any(String) });
      expect(eventsOf(answer).length).toBeLessThanOrEqual(7);
      pages.push(...eventsOf(answer));
      after = answer['nextAfter'];
    }

    checkContiguous(pages);
    expect(pages).toEqual(alice.events(threadId));
    expect(pages).toHaveLength(45);
  });

  it('pages backwards from the end with `before`', async () => {
    const pages: EventEnvelope[] = [];
    for (let before = 46; before > 1; before = pages[0]!.seq) {
      pages.unshift(...eventsOf(await alice.ask('get_thread_history', { threadId, before, limit: 9 })));
    }

    expect(pages).toEqual(alice.events(threadId));
    expect(eventsOf(await alice.ask('get_thread_history', { threadId, before: 1 }))).toEqual([]);
  });

  it('merges deltas in the compact view, and says the same', async () => {
    const compact = eventsOf(await alice.ask('get_thread_history', { threadId, view: 'compact' }));

    checkContiguous(compact);
    expect(compact.filter((event) => event.type === 'agent_delta')).toHaveLength(1);
    expect(deltaText(compact)).toBe(deltaText(alice.events(threadId)));
    expect(compact.filter((event) => event.type !== 'agent_delta')).toEqual(
      alice.events(threadId).filter((event) => event.type !== 'agent_delta'),
    );
  });

  it('is null past the head, and refuses a cursor beyond it', async () => {
    expect(await alice.ask('get_thread_history', { threadId, after: 45 })).toMatchObject({
      events: [],
      nextAfter: null,
    });
    expect(await alice.request('get_thread_history', { threadId, after: 46 })).toMatchObject({
      error: { code: 'cursor_invalid', details: { head: 45 } },
    });
    expect(await alice.request('get_thread_history', { threadId, limit: 0 })).toMatchObject({
      error: { code: 'invalid_payload' },
    });
  });

  it('follows nothing', async () => {
    const fresh = await server.ready('alice');
    await fresh.ask('get_thread_history', { threadId });
    await alice.ask('user_message', { threadId, content: 'more' });
    await fresh.fence();

    expect(wire(fresh, threadId)).toEqual([]);
  });
});

describe('ack_events', () => {
  it('moves the cursor of the user forward, never back, and of that user alone', async () => {
    const threadId = await talked(3);
    await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
    for (const [seq, cursor] of [
      ...[
        [2, 2],
        [5, 5],
        [1, 5],
        [5, 5],
      ],
    ] as const) {
      expect(await alice.ask('ack_events', { threadId, seq })).toEqual({ ok: true, threadId, seq: cursor });
    }
    const view = async (user: string): Promise<unknown> =>
      (await server.fetch(user, `/api/threads/${threadId}`)).json();

    expect(await view('alice')).toMatchObject({ cursor: 5 });
    expect(await view('bob')).toMatchObject({ cursor: 0 });
    expect(await bob.ask('ack_events', { threadId, seq: 1 })).toEqual({ ok: true, threadId, seq: 1 });
    expect(await view('alice')).toMatchObject({ cursor: 5 });
  });

  it('beyond the head is refused', async () => {
    const threadId = await newThread(alice);

    expect(await alice.request('ack_events', { threadId, seq: 1 })).toMatchObject({
      error: { code: 'cursor_invalid', details: { head: 0 } },
    });
  });
});

describe('create_thread', () => {
  it('makes an empty log that nobody follows', async () => {
    const fresh = await server.ready('alice');
    const answer = await fresh.ask('create_thread', { title: 'Plans', metadata: { colour: 'blue' } });
    const threadId = answer['threadId'];
    expect(answer).toEqual({
      ...{
        ok: true,
        threadId: expect.stringMatching(/^thread_/),
        head: 0,
        epoch: expect.any(String),
        duplicate: false,
      },
    });
    await alice.ask('user_message', { threadId, content: 'hello' });
    await fresh.fence();

    expect(wire(fresh, threadId)).toEqual([]);
    expect(await (await server.fetch('alice', `/api/threads/${String(threadId)}`)).json()).toMatchObject({
      ...{ title: 'Plans', metadata: { colour: 'blue' }, ownerId: 'alice', members: [] },
    });
  });

  it('with an id of one’s own again is a duplicate that changes nothing', async () => {
    const first = await alice.ask('create_thread', { threadId: 'thread_mine', title: 'First' });
    const again = await alice.ask('create_thread', { threadId: 'thread_mine', title: 'Second' });

    expect(again).toEqual({ ...first, duplicate: true });
    const view = (await (await server.fetch('alice', '/api/threads/thread_mine')).json()) as { title: string };
    expect(view.title).toBe('First');
  });

  it('with an id of somebody else is refused, and so is one that somebody else has deleted', async () => {
    const { epoch } = await alice.ask('create_thread', { threadId: 'thread_taken' });
    const taken = { ok: false, error: { code: 'already_exists', retryable: false } };
    const refused = await bob.request('create_thread', { threadId: 'thread_taken' });
    expect(refused).toMatchObject(taken);
    await server.fetch('alice', '/api/threads/thread_taken', { method: 'DELETE' });
    expect(await bob.request('create_thread', { threadId: 'thread_taken' })).toEqual(refused);
    const again = await alice.ask('create_thread', { threadId: 'thread_taken' });

    expect(again).toMatchObject({ head: 0, duplicate: false });
    expect(again['epoch']).not.toBe(epoch);
    expect(await bob.request('create_thread', { threadId: 'thread_taken' })).toEqual(refused);
  });

  it.each(['plans', 'thread_', 'thread_a__b', 'thread_a_run_b', 'thread_-a', 'thread_thread_a'])(
    'refuses an id that cannot be read: %s',
    async (threadId) => {
      expect(await alice.request('create_thread', { threadId })).toMatchObject({ error: { code: 'invalid_id' } });
    },
  );

  it('is won by one of two users who ask for the same id at once', async () => {
    const answers = await Promise.all(
      [alice, bob].map((client) => client.request('create_thread', { threadId: 'thread_contested' })),
    );

    expect(answers.map((answer) => answer.ok).sort()).toEqual([false, true]);
  });
});
