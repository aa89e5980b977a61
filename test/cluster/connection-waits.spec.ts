import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Bus } from '../../src/cluster/index.js';
import { checkContiguous, type TestClient, type TestServer } from '../../src/testing/index.js';
import { eventually } from '../e2e/gateway-kit.js';
import { Fleet, type FleetNode } from './fleet.js';

interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Longer than any test: what ends a wait is something else. */
const PATIENT = { env: { CONTEXT_TIMEOUT_MS: '60000' } };

describe('A start over HTTP that names a connection of another node', () => {
  let fleet: Fleet;
  let a: FleetNode;
  let b: FleetNode;
  let alice: TestClient;
  let connectionId: unknown;
  let threadId: unknown;

  beforeEach(async () => {
    fleet = new Fleet();
    a = await fleet.node(PATIENT);
    b = await fleet.node(PATIENT);
    await eventually('the nodes know each other', () =>
      [a, b].every(({ server }) => server.get(Bus).nodes().length === 2),
    );
    alice = await b.server.ready('alice');
    ({ connectionId } = await alice.next('connection_accepted'));
    ({ threadId } = await alice.ask('create_thread', {}));
  });

  afterEach(() => fleet.close());

  async function say(fields: object = { connectionId }, userId = 'alice', server = a.server): Promise<Reply> {
    const path = `/api/threads/${String(threadId)}/messages`;
    const body = JSON.stringify({ content: 'hello', ...fields });
    const response = await server.fetch(userId, path, { method: 'POST', body });
    return { status: response.status, body: (await response.json()) as Reply['body'] };
  }

  async function head(): Promise<unknown> {
    const response = await b.server.fetch('alice', `/api/threads/${String(threadId)}`);
    return ((await response.json()) as { head: number }).head;
  }

  const ended = (outcome: string, { server }: { server: TestServer } = a): Promise<number> =>
    server.metrics.value('threadcast_http_connection_waits_total', { outcome });
  const waits = (): Promise<void> =>
    eventually('it waits', async () => (await a.server.metrics.value('threadcast_http_connection_waits', {})) === 1);

  /** What this node asked before it is answered by both. */
  const asked = async (): Promise<void> => {
    const { silent } = await a.server.get(Bus).ask('presence.here', { from: 'nobody', userIds: [] });
    expect(silent).toEqual([]);
  };

  it('waits until that follows, and the run begins behind it', async () => {
    const reply = say();
    await waits();
    await asked();
    expect(await head()).toBe(0);
    await alice.ask('subscribe_thread', { threadId });
    expect(await reply).toMatchObject({ status: 201, body: { associated: true, duplicate: false } });
    await alice.next('agent_completed');
    checkContiguous(alice.events(threadId));
    expect(await ended('followed')).toBe(1);
    expect(await say()).toMatchObject({ status: 201, body: { associated: true } });
  });

  it('goes on without when that closes, at once when it has closed already', async () => {
    const reply = say();
    await waits();
    await asked();
    alice.close();
    expect(await reply).toMatchObject({ status: 201, body: { associated: false } });
    expect(await say()).toMatchObject({ status: 201, body: { associated: false } });
    expect(await ended('disconnected')).toBe(2);
  });

  it('goes on without when the node of that is gone', async () => {
    const reply = say();
    await waits();
    await asked();
    b.redis.cut();
    expect(await reply).toMatchObject({ status: 201, body: { associated: false } });
    expect(await ended('disconnected')).toBe(1);
  });

  it('is refused when that is somebody else’s on any node, or nobody’s', async () => {
    const bob = await b.server.ready('bob');
    const { connectionId: his } = await bob.next('connection_accepted');
    const refused = { status: 400, body: { code: 'invalid_payload' } };
    expect(await say({ connectionId: his })).toMatchObject(refused);
    expect(await say({ connectionId: 'conn_00000000-0000-4000-8000-000000000000' })).toMatchObject(refused);
    expect(await head()).toBe(0);
    expect(await say({ connectionId }, 'bob')).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
  });

  it('is refused when its caller loses the thread on the other node meanwhile', async () => {
    await b.server.fetch('alice', `/api/threads/${String(threadId)}/members/bob`, { method: 'PUT' });
    const bob = await b.server.ready('bob');
    const { connectionId: his } = await bob.next('connection_accepted');
    const before = await head();
    const reply = say({ connectionId: his }, 'bob');
    await waits();
    await asked();
    await b.server.fetch('alice', `/api/threads/${String(threadId)}/members/bob`, { method: 'DELETE' });
    expect(await reply).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    expect(await ended('access_removed')).toBe(1);
    expect(await head()).toBe(Number(before) + 1);
  });

  it('is refused when the thread is deleted on the other node meanwhile', async () => {
    const reply = say();
    await waits();
    await asked();
    await b.server.fetch('alice', `/api/threads/${String(threadId)}`, { method: 'DELETE' });
    expect(await reply).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    expect(await ended('thread_deleted')).toBe(1);
  });

  it('goes on without while that cannot be asked for, and nobody is refused for it', async () => {
    a.redis.cut();
    await eventually('Redis is lost', () => a.server.get(Bus).state === 'lost');
    expect(await say()).toMatchObject({ status: 201, body: { associated: false } });
    expect(await ended('unreachable')).toBe(1);
  });
});
