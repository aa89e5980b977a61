import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { checkContiguous, type TestClient } from '../../src/testing/index.js';
import { WatchedClock } from '../support/watched-clock.js';
import { eventually } from './gateway-kit.js';
import { ScriptedServer, newThread, wire } from './scripted-server.js';

const TIMEOUT_MS = 777;

let clock: WatchedClock;
let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

beforeEach(async () => {
  clock = new WatchedClock();
  scripted = await ScriptedServer.start({ clock, env: { CONTEXT_TIMEOUT_MS: String(TIMEOUT_MS) } });
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  threadId = await newThread(alice);
});

afterEach(() => clock.during(scripted.close()));

interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly retryAfter: string | null;
}

async function post(path: string, body: object, user = 'alice', signal?: AbortSignal): Promise<Reply> {
  const init = { method: 'POST', body: JSON.stringify(body), ...(signal === undefined ? {} : { signal }) };
  const response = await scripted.server.fetch(user, `/api/threads/${threadId}/${path}`, init);
  return {
    status: response.status,
    body: (await response.json()) as Reply['body'],
    retryAfter: response.headers.get('Retry-After'),
  };
}

const say = (fields: object, user?: string): Promise<Reply> => post('messages', { content: 'hello', ...fields }, user);

async function idOf(client: TestClient): Promise<string> {
  return (await client.next('connection_accepted'))['connectionId'] as string;
}

const waiting = (): Promise<number> => scripted.server.metrics.value('threadcast_http_connection_waits', {});
const waits = (count: number): Promise<void> => eventually(`${count} wait`, async () => (await waiting()) === count);
const ended = (outcome: string): Promise<number> =>
  scripted.server.metrics.value('threadcast_http_connection_waits_total', { outcome });

const goneFrom = (left: number): Promise<void> =>
  eventually(`${left} are ready`, async () => {
    return (await scripted.server.metrics.value('threadcast_gateway_connections', { state: 'ready' })) === left;
  });

async function head(): Promise<unknown> {
  const response = await scripted.server.fetch('alice', `/api/threads/${threadId}`);
  return ((await response.json()) as { head: number }).head;
}

describe('A start over HTTP that names a connection', () => {
  it('appends nothing until that follows, and everything reaches it', async () => {
    const said = say({ connectionId: await idOf(alice) });
    await waits(1);
    expect(await head()).toBe(0);
    await alice.ask('switch_thread', { threadId });

    expect(await said).toMatchObject({ status: 201, body: { seq: 1, associated: true, duplicate: false } });
    await alice.next('agent_completed');
    const [first, ...rest] = wire(alice, threadId).filter((name) => name !== 'thread_caught_up');
    expect([first, ...rest.slice(0, 2)]).toEqual(['thread_switched', 'message_created 1', 'agent_started 2']);
    checkContiguous(alice.events(threadId));
    expect(await ended('followed')).toBe(1);
    expect(await waiting()).toBe(0);
  });

  it.each(['switch_thread', 'subscribe_thread'])('begins at once where it has followed before: %s', async (request) => {
    await alice.ask(request, { threadId });
    const run = { agent: 'echo', input: 'x', connectionId: await idOf(alice) };
    const { status, body } = await post('runs', run);

    expect({ status, body }).toMatchObject({ status: 201, body: { status: 'running', associated: true } });
    await alice.next('agent_completed');
    const response = await scripted.server.fetch('alice', `/api/runs/${String(body['runId'])}`);
    expect(await response.json()).toMatchObject({ associated: true });
  });

  it('waits for no other thread, and for no other connection', async () => {
    const other = await scripted.server.ready('alice');
    const run = post('runs', { agent: 'echo', input: 'x', connectionId: await idOf(alice) });
    await waits(1);
    await other.ask('switch_thread', { threadId });
    await alice.ask('switch_thread', { threadId: await newThread(alice) });
    expect(await waiting()).toBe(1);
    expect(await head()).toBe(0);
    await alice.ask('subscribe_thread', { threadId });

    expect(await run).toMatchObject({ status: 201, body: { associated: true } });
  });

  it('waits for a connection that has not authenticated yet', async () => {
    const late = scripted.server.connect();
    const said = say({ connectionId: await idOf(late) });
    await waits(1);
    await late.ask('authenticate', { token: await scripted.server.token('alice') });
    await late.ask('switch_thread', { threadId });

    expect(await said).toMatchObject({ status: 201, body: { associated: true } });
  });

  it('goes on without it after the grace', async () => {
    const said = say({ connectionId: await idOf(alice) });
    await clock.timer(TIMEOUT_MS);
    clock.advance(TIMEOUT_MS - 1);
    expect(await head()).toBe(0);
    clock.advance(1);

    const { status, body } = await said;
    expect({ status, body }).toMatchObject({ status: 201, body: { seq: 1, associated: false } });
    const response = await scripted.server.fetch('alice', `/api/runs/${String(body['runId'])}`);
    expect(await response.json()).toMatchObject({ associated: false });
    expect(await ended('timed_out')).toBe(1);
  });

  it('goes on without it when it disconnects', async () => {
    const said = say({ connectionId: await idOf(alice) });
    await waits(1);
    alice.close();

    expect(await said).toMatchObject({ status: 201, body: { seq: 1, associated: false } });
    expect(await ended('disconnected')).toBe(1);
  });

  it('goes on without it when it has disconnected just before, and needs another one a minute later', async () => {
    const connectionId = await idOf(alice);
    alice.close();
    await goneFrom(1);

    expect(await say({ connectionId })).toMatchObject({ status: 201, body: { seq: 1, associated: false } });
    expect(await ended('disconnected')).toBe(1);
    clock.advance(60_001);
    expect(await say({ connectionId })).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
  });

  it('goes on without it when nobody waits for the answer any more', async () => {
    const watcher = await scripted.server.ready('alice');
    await watcher.ask('switch_thread', { threadId });
    const leaving = new AbortController();
    const said = post('messages', { content: 'hello', connectionId: await idOf(alice) }, 'alice', leaving.signal);
    await waits(1);
    leaving.abort();

    await expect(said).rejects.toThrow();
    await watcher.next('agent_completed');
    expect(await ended('request_gone')).toBe(1);
  });

  it('comes after what others say meanwhile', async () => {
    await scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
    const said = say({ connectionId: await idOf(alice) });
    await waits(1);
    const between = await say({}, 'bob');
    await alice.ask('switch_thread', { threadId });

    expect(Number((await said).body['seq'])).toBeGreaterThan(Number(between.body['seq']));
  });
});

describe('A start over HTTP is refused, and has changed nothing,', () => {
  afterEach(async () => {
    expect(await waiting()).toBe(0);
  });

  it('where the connection is another user’s, as where there is none', async () => {
    const made = 'conn_7c5e1032-ed21-4aea-b12a-aeddf3622bec';
    const [foreign, unknown] = [
      await say({ connectionId: await idOf(bob), messageId: 'm' }),
      await say({ connectionId: made, messageId: 'm' }),
    ];

    expect(foreign).toEqual(unknown);
    expect(foreign).toMatchObject({
      status: 400,
      body: { code: 'invalid_payload', details: { fields: [{ field: 'connectionId' }] } },
    });
    expect(await head()).toBe(0);
    expect(await say({ messageId: 'm' })).toMatchObject({ status: 201, body: { duplicate: false } });
    expect(await ended('unknown')).toBe(2);
  });

  it('where the connection of another user has gone, and where it becomes somebody else’s', async () => {
    const connectionId = await idOf(bob);
    bob.close();
    await goneFrom(1);
    expect(await say({ connectionId })).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
    const late = scripted.server.connect();
    const said = say({ connectionId: await idOf(late) });
    await waits(1);
    await late.ask('authenticate', { token: await scripted.server.token('bob') });

    expect(await said).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
  });

  it('for an id that cannot be read', async () => {
    expect(await say({ connectionId: 'conn_x' })).toMatchObject({ status: 400, body: { code: 'invalid_id' } });
    expect(await say({ connectionId: 7 })).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
    expect(await head()).toBe(0);
  });

  it('at once by a stranger to the thread, and for an agent that there is not', async () => {
    expect(await say({ connectionId: await idOf(bob) }, 'bob')).toMatchObject({
      status: 404,
      body: { code: 'thread_not_found' },
    });
    const unknown = { connectionId: await idOf(alice), agent: 'nobody' };
    expect(await say(unknown)).toMatchObject({ status: 400, body: { code: 'agent_not_found' } });
  });

  it('when the thread is deleted during the wait', async () => {
    const said = say({ connectionId: await idOf(alice), messageId: 'm' });
    await waits(1);
    await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });

    expect(await said).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    expect(await ended('thread_deleted')).toBe(1);
    await alice.ask('create_thread', { threadId });
    expect(await say({ messageId: 'm' })).toMatchObject({ status: 201, body: { seq: 1, duplicate: false } });
  });

  it('when the thread is deleted while the wait begins', async () => {
    const read = scripted.storage.holdNext('threads.access', 'after');
    const said = say({ connectionId: await idOf(alice) });
    await read.reached;
    await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
    read.release();

    expect(await said).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
  });

  const member = (method: 'PUT' | 'DELETE'): Promise<Response> =>
    scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method });

  it('when its caller is taken out during the wait, and at once; a member who stays waits on', async () => {
    await member('PUT');
    await scripted.server.fetch('alice', `/api/threads/${threadId}/members/carol`, { method: 'PUT' });
    const carol = await scripted.server.ready('carol');
    const ofBob = say({ connectionId: await idOf(bob) }, 'bob');
    const ofCarol = say({ connectionId: await idOf(carol) }, 'carol');
    await waits(2);
    await member('DELETE');

    expect(await ofBob).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    expect(await ended('access_removed')).toBe(1);
    await carol.ask('switch_thread', { threadId });
    expect(await ofCarol).toMatchObject({ status: 201, body: { associated: true } });
  });

  it.each(['before', 'after'] as const)('when its caller is taken out while the wait begins (%s)', async (where) => {
    await member('PUT');
    const read = scripted.storage.holdNext('threads.access', where);
    const said = say({ connectionId: await idOf(bob) }, 'bob');
    await read.reached;
    await member('DELETE');
    read.release();

    expect(await said).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    expect(await waiting()).toBe(0);
  });

  it('when the server is about to close', async () => {
    const said = say({ connectionId: await idOf(alice), messageId: 'm' });
    await waits(1);
    const drained = clock.during(scripted.server.drain());

    expect(await said).toMatchObject({ status: 503, body: { code: 'draining', retryable: true }, retryAfter: '1' });
    await drained;
  });

  it('when the server has begun to close before it waits', async () => {
    const read = scripted.storage.holdNext('runs.findRequest');
    const said = say({ connectionId: await idOf(alice), messageId: 'm' });
    await read.reached;
    const drained = clock.during(scripted.server.drain());
    await bob.next('server_draining');
    await bob.next('disconnect');
    read.release();

    expect(await said).toMatchObject({ status: 503, body: { code: 'draining' } });
    await drained;
  });
});

describe('A repeated start over HTTP', () => {
  it.each([
    ['for the same connection', true],
    ['for none', false],
  ])('gets the answer of the first one that waits: %s', async (_what, named) => {
    const connectionId = await idOf(alice);
    const first = say({ connectionId, messageId: 'm' });
    await waits(1);
    const second = say({ messageId: 'm', ...(named ? { connectionId } : {}) });
    await waits(2);
    expect(await head()).toBe(0);
    await alice.ask('switch_thread', { threadId });
    const { runId } = (await first).body;

    expect(await first).toMatchObject({ status: 201, body: { seq: 1, duplicate: false, associated: true } });
    expect(await second).toMatchObject({ status: 200, body: { runId, seq: 1, duplicate: true, associated: true } });
    expect(await ended('repeated')).toBe(1);
  });

  it('gets it without waiting, whatever connection it names', async () => {
    const { runId } = (await say({ messageId: 'm' })).body;
    const again = await say({ messageId: 'm', connectionId: await idOf(bob) });

    expect(again).toMatchObject({ status: 200, body: { runId, duplicate: true, associated: false } });
  });

  it('goes its own way when the first one is refused', async () => {
    const late = scripted.server.connect();
    const connectionId = await idOf(alice);
    const first = say({ connectionId: await idOf(late), messageId: 'm' });
    await waits(1);
    const others = [say({ connectionId, messageId: 'm' }), say({ connectionId, messageId: 'm' })];
    await waits(3);
    await late.ask('authenticate', { token: await scripted.server.token('bob') });
    expect((await first).status).toBe(400);
    await waits(2);
    await alice.ask('switch_thread', { threadId });

    const answers = await Promise.all(others);
    expect(new Set(answers.map(({ body }) => body['runId'])).size).toBe(1);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 201]);
  });
});
