import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ANSWERS, SERVER_EVENTS, THREAD_EVENTS } from '../../src/protocol/index.js';
import { AsyncApi } from '../../src/reference/index.js';
import type { TestAnswer, TestClient, TestServer } from '../../src/testing/index.js';
import { AsyncApiCheck } from '../support/asyncapi-check.js';
import { ScriptedServer } from './scripted-server.js';

const FILLED = { title: 'Plans', metadata: { colour: 'blue' } };

let scripted: ScriptedServer;
let server: TestServer;
let check: AsyncApiCheck;
const clients: TestClient[] = [];

/** Asks, and has what is asked and what is answered compared. */
async function ask(client: TestClient, type: string, payload: Record<string, unknown>): Promise<TestAnswer> {
  check.message('requests', type, payload);
  const answer = await client.request(type, payload);
  check.message('answers', type, answer);
  expect(answer).toMatchObject({ ok: true });
  return answer;
}

/** As `ask`, for what is refused; the request itself may be of any form. */
async function refused(client: TestClient, type: string, payload: unknown, code: string): Promise<void> {
  const answer = await client.request(type, payload);
  check.message('answers', type, answer);
  expect(answer).toMatchObject({ ok: false, error: { code } });
}

async function connect(userId: string, auth: object = {}): Promise<TestClient> {
  const full = { token: await server.token(userId), ...auth };
  check.message('handshake', 'connect', full);
  const client = server.connect({ auth: full });
  clients.push(client);
  await client.next('connection_ready');
  return client;
}

async function threads(alice: TestClient, bob: TestClient): Promise<string> {
  const { threadId } = await ask(alice, 'create_thread', FILLED);
  await server.fetch('alice', `/api/threads/${String(threadId)}/members/bob`, { method: 'PUT' });
  await ask(alice, 'switch_thread', { threadId, after: 0 });
  await alice.next('thread_caught_up');
  await ask(bob, 'subscribe_thread', { threadId, after: 0 });
  await refused(bob, 'switch_thread', { threadId, after: 1_000 }, 'cursor_invalid');
  await refused(bob, 'subscribe_thread', {}, 'invalid_payload');
  bob.socket.emit('stop_agent', { runId: 'nonsense' });
  expect(await bob.next('exception')).toMatchObject({ request: 'stop_agent' });
  return threadId as string;
}

async function runs(alice: TestClient, bob: TestClient, threadId: string): Promise<void> {
  const said = { content: 'one two', messageId: 'm-1', metadata: { echo: { ask: 'Why?' } }, policy: 'parallel' };
  const { runId } = await ask(alice, 'user_message', said);
  await ask(alice, 'user_message', said);
  const { requestId } = (await bob.next('input_requested'))['data'] as { requestId: string };
  await ask(bob, 'provide_input', { runId, requestId, value: 'because' });
  await bob.next('agent_completed');
  await refused(bob, 'provide_input', { runId, requestId, value: 'no' }, 'input_closed');

  await ask(alice, 'start_agent', { agent: 'echo', input: { text: 'a b c', failAfter: 1 } });
  await bob.next('agent_error');
  await scripted.run(alice, async ({ emit }) => {
    await emit('progress_update', { message: 'half', percent: 50 });
    await emit('custom', { name: 'mine', value: [1, { two: null }] });
    await emit('tool_executing', { toolCallId: 't', tool: 'x', args: {} });
    await emit('tool_completed', { toolCallId: 't', tool: 'x', error: { message: 'no' }, durationMs: 1.5 });
    return { content: 'done', usage: { inputTokens: 1 } };
  });
  await bob.next('agent_completed');
  const stalling = await ask(bob, 'start_agent', { threadId, agent: 'echo', input: { text: 'a', stallAfter: 0 } });
  await ask(bob, 'stop_agent', { runId: stalling['runId'], reason: 'enough' });
  await alice.next('agent_cancelled');
}

async function readingAndLeaving(alice: TestClient, bob: TestClient, threadId: string): Promise<void> {
  const { head } = await ask(bob, 'get_thread_history', { threadId, limit: 1_000, view: 'compact' });
  await ask(bob, 'get_thread_history', { threadId, before: head, limit: 2 });
  await ask(bob, 'ack_events', { threadId, seq: head });
  await ask(bob, 'ping', {});
  await ask(bob, 'authenticate', { token: await server.token('bob') });
  await server.fetch('alice', `/api/threads/${threadId}`, { method: 'PATCH', body: JSON.stringify({ title: null }) });
  await bob.next(
    'thread_updated',
    ({ data }) => (data as object | undefined) !== undefined && 'title' in (data as object),
  );
  await ask(alice, 'unsubscribe_thread', { threadId });
  const away = await server.fetch('alice', `/api/threads/${threadId}/messages`, {
    method: 'POST',
    body: JSON.stringify({ content: 'from elsewhere' }),
  });
  expect(away.status).toBe(201);
  await alice.next('thread_activity');
  await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'DELETE' });
  await bob.next('thread_detached');
}

beforeAll(async () => {
  scripted = await ScriptedServer.start({ env: { SHUTDOWN_GRACE_MS: '1000' } });
  ({ server } = scripted);
  check = new AsyncApiCheck(server.get(AsyncApi).document());
  const alice = await connect('alice');
  const bob = await connect('bob', { frames: 'single' });
  const threadId = await threads(alice, bob);
  const batches = await connect('alice', { frames: 'batch', threadId, after: 0 });
  batches.socket.on('events', (events) => check.message('batches', 'events', events));
  await runs(alice, bob, threadId);
  batches.close();
  await readingAndLeaving(alice, bob, threadId);
  await server.drain();
  for (const client of clients) {
    const frames = client.frames.filter(({ name }) => name !== 'disconnect' && name !== 'connect_error');
    for (const { name, data } of frames) check.event(name, data);
  }
});

afterAll(() => scripted.close());

describe('What goes over the wire', () => {
  it('is as the AsyncAPI document describes it', () => {
    expect(check.faults).toEqual([]);
  });

  it.each([
    ['requests', ANSWERS],
    ['answers', ANSWERS],
    ['connection', SERVER_EVENTS],
    ['threads', THREAD_EVENTS],
    ['batches', { events: true }],
    ['handshake', { connect: true }],
  ] as const)('was all there to be compared: %s', (channel, known) => {
    expect(Object.keys(known).filter((name) => !check.seen.has(`${channel} ${name}`))).toEqual([]);
  });
});
