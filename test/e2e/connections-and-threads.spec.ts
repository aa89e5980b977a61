import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { newThread, wire } from './scripted-server.js';

let server: TestServer;

beforeEach(async () => {
  server = await TestServer.start();
});

afterEach(() => server.close());

const ended = (client: TestClient, runId: unknown): Promise<unknown> =>
  client.next('agent_completed', (event) => event['runId'] === runId);

describe('A message with a thread', () => {
  it('associates its connection, is logged, and is answered by the agent', async () => {
    const alice = await server.ready('alice');
    const threadId = await newThread(alice);
    const answer = await alice.ask('user_message', {
      ...{ threadId, content: 'hello  world', messageId: 'm', metadata: { echo: { repeat: 2 }, tag: 'x' } },
    });
    await ended(alice, answer['runId']);

    expect(answer).toEqual({
      ...{ ok: true, threadId, messageId: 'm', seq: 1, runId: expect.stringContaining(`${threadId}_run_`) },
      ...{ status: 'running', associated: true, associationMs: expect.any(Number), duplicate: false },
    });
    const events = alice.events(threadId);
    checkContiguous(events);
    expect(events.map((event) => event.type).filter((type) => type !== 'agent_delta')).toEqual([
      ...['message_created', 'agent_started', 'agent_thinking', 'tool_executing', 'tool_completed', 'agent_completed'],
    ]);
    expect(events[0]?.data).toEqual({
      ...{ messageId: 'm', userId: 'alice', role: 'user', content: 'hello  world', runId: answer['runId'] },
      metadata: { echo: { repeat: 2 }, tag: 'x' },
    });
    expect(deltaText(events)).toBe('hello  worldhello  world');
    expect(wire(alice, threadId)[0]).toBe('thread_switched');
  });

  it('keeps the position of a thread that is followed already', async () => {
    const alice = await server.ready('alice');
    const threadId = await newThread(alice);
    for (let n = 0; n < 3; n += 1) {
      const { runId } = await alice.ask('user_message', { threadId, content: `message ${n}` });
      await ended(alice, runId);
    }

    checkContiguous(alice.events(threadId));
    expect(alice.names().filter((name) => name === 'thread_switched')).toHaveLength(1);
  });

  it('may be spelled in snake_case, in the payload, and in the envelope form', async () => {
    const alice = await server.ready('alice');
    const threadId = await newThread(alice);
    const answers = [
      await alice.ask('user_message', { thread_id: threadId, content: 'a', message_id: 'a' }),
      await alice.send({ type: 'user_message', payload: { content: 'b', messageId: 'b' }, threadId }),
      await alice.send({ type: 'user_message', payload: { content: 'c', thread_id: threadId, message_id: 'c' } }),
    ];

    expect(answers).toMatchObject(['a', 'b', 'c'].map((messageId) => ({ ok: true, threadId, messageId })));
  });
});

describe('Several connections', () => {
  it('on one thread, of several users, see one and the same stream', async () => {
    const alice = await server.ready('alice');
    const threadId = await newThread(alice);
    await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
    const followers = [await server.ready('alice'), await server.ready('bob'), await server.ready('bob')];
    for (const client of followers) await client.ask('switch_thread', { threadId, after: 0 });
    const fromAlice = await alice.ask('user_message', { threadId, content: 'from alice' });
    const fromBob = await followers[1]!.ask('user_message', { content: 'from bob' });
    expect(fromBob).toMatchObject({ threadId, associated: true });
    for (const client of followers) {
      await ended(client, fromAlice['runId']);
      await ended(client, fromBob['runId']);
      checkContiguous(client.events(threadId));
    }

    const [first, ...others] = followers.map((client) => client.events(threadId));
    for (const events of others) expect(events).toEqual(first);
    expect(first?.filter((event) => event.type === 'message_created').map((event) => event.data)).toMatchObject([
      ...[{ userId: 'alice' }, { userId: 'bob' }],
    ]);
  });

  it('on different threads, of one user and of two, see their own alone', async () => {
    const users = ['alice', 'alice', 'bob'];
    const clients = await Promise.all(users.map((user) => server.ready(user)));
    const answers = await Promise.all(
      clients.map((client, n) => client.ask('user_message', { content: `chat ${n}`, messageId: String(n) })),
    );
    await Promise.all(clients.map((client, n) => ended(client, answers[n]?.['runId'])));

    clients.forEach((client, n) => {
      const own = answers[n]?.['threadId'];
      checkContiguous(client.events(own));
      expect(deltaText(client.events(own))).toBe(`chat ${n}`);
      const threads = client.frames.map(({ data }) => data['threadId']).filter((id) => typeof id === 'string');
      expect(new Set(threads)).toEqual(new Set([own]));
    });
  });

  it('of one thread are not touched by the closing of one', async () => {
    const tabs = await Promise.all([1, 2, 3].map(() => server.ready('alice')));
    const { threadId } = await tabs[0]!.ask('user_message', { content: 'hello' });
    for (const tab of tabs) await tab.ask('switch_thread', { threadId, after: 0 });
    tabs[1]!.close();
    const { runId } = await tabs[0]!.ask('user_message', { content: 'still there?' });
    for (const tab of [tabs[0]!, tabs[2]!]) await ended(tab, runId);

    checkContiguous(tabs[2]!.events(threadId));
    expect(tabs[2]!.disconnects).toEqual([]);
  });

  it('that take events in batches see the same stream as those that do not', async () => {
    const plain = await server.ready('alice');
    const batched = await server.ready('alice', { auth: { frames: 'batch' } });
    const arrays: unknown[] = [];
    batched.socket.on('events', (events: unknown) => arrays.push(events));
    const threadId = await newThread(plain);
    for (const client of [plain, batched]) await client.ask('subscribe_thread', { threadId, after: 0 });
    const input = { text: 'one two three ', repeat: 500 };
    const { runId } = await plain.ask('start_agent', { threadId, agent: 'echo', input });
    for (const client of [plain, batched]) await ended(client, runId);
    await batched.ask('subscribe_thread', { threadId, after: 0 });
    await plain.ask('subscribe_thread', { threadId, after: 0 });
    for (const client of [plain, batched]) await client.next('agent_completed');

    expect(arrays.length).toBeGreaterThan(0);
    expect(arrays.every((events) => Array.isArray(events) && events.length > 0)).toBe(true);
    expect(deltaText(batched.events(threadId))).toBe(deltaText(plain.events(threadId)));
    expect(deltaText(batched.events(threadId))).toBe('one two three '.repeat(1_000));
    const half = plain.events(threadId).findIndex((event) => event.type === 'agent_completed') + 1;
    for (const client of [plain, batched]) checkContiguous(client.events(threadId).slice(0, half));
  });
});
