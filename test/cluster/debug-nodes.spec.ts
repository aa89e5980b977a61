import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Bus } from '../../src/cluster/index.js';
import type { TestClient, TestServer } from '../../src/testing/index.js';
import type { DebugAnswer } from '../e2e/debug-kit.js';
import { askDebug, askExplain } from '../e2e/debug-kit.js';
import { eventually } from '../e2e/gateway-kit.js';
import { Cluster } from './cluster.js';
import { Fleet, type FleetNode } from './fleet.js';
import { signedToken } from './signed-token.js';

const idOf = (client: TestClient): string =>
  client.frames.find(({ name }) => name === 'connection_accepted')?.data['connectionId'] as string;
const nodeOf = ({ server }: FleetNode): string => server.get(Bus).nodeId;

describe('Any node of a cluster, asked by an operator,', () => {
  let fleet: Fleet;
  let a: FleetNode;
  let b: FleetNode;
  let alice: TestClient;
  let bob: TestClient;
  let threadId: string;

  beforeEach(async () => {
    fleet = new Fleet();
    a = await fleet.node();
    b = await fleet.node();
    await eventually('the nodes know each other', () =>
      [a, b].every(({ server }) => server.get(Bus).nodes().length === 2),
    );
    [alice, bob] = [await a.server.ready('alice'), await b.server.ready('bob')];
    threadId = String((await alice.ask('create_thread', {}))['threadId']);
    await a.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
    await bob.ask('subscribe_thread', { threadId });
  });

  afterEach(() => fleet.close());

  async function both(path: string): Promise<DebugAnswer[]> {
    const answers = [await askDebug(a.server, path), await askDebug(b.server, path)];
    for (const { status, body } of answers) {
      expect({ status, missing: body.missingNodes as unknown }).toEqual({ status: 200, missing: [] });
      expect(new Set(body.nodes as string[])).toEqual(new Set([nodeOf(a), nodeOf(b)]));
    }
    return answers;
  }

  it('shows the connections of all nodes, by page, and one of them wherever it is', async () => {
    const expected = new Set([`${idOf(alice)} ${nodeOf(a)}`, `${idOf(bob)} ${nodeOf(b)}`]);
    for (const { body } of await both('/debug/connections')) {
      const shown = body.connections as { connectionId: string; node: string }[];
      expect(new Set(shown.map(({ connectionId, node }) => `${connectionId} ${node}`))).toEqual(expected);
    }
    const seen = new Set<string>();
    for (let cursor: string | null = ''; cursor !== null;) {
      const path = `/debug/connections?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page = (await askDebug(a.server, path)).body;
      for (const { connectionId } of page.connections as { connectionId: string }[]) seen.add(connectionId);
      cursor = page.nextCursor as string | null;
    }
    expect(seen).toEqual(new Set([idOf(alice), idOf(bob)]));
    for (const { server } of [a, b]) {
      const { body } = await askDebug(server, `/debug/connections/${idOf(bob)}`);
      expect(body).toMatchObject({ node: nodeOf(b), userId: 'bob', threads: [{ threadId }] });
    }
  });

  it('shows who follows a thread anywhere, and how delivery stands everywhere', async () => {
    await alice.ask('subscribe_thread', { threadId });
    for (const { body } of await both(`/debug/threads/${threadId}`)) {
      expect(body).toMatchObject({ followersTotal: 2 });
      const followers = body.followers as { userId: string; node: string }[];
      expect(new Map(followers.map(({ userId, node }) => [userId, node]))).toEqual(
        new Map([
          ['alice', nodeOf(a)],
          ['bob', nodeOf(b)],
        ]),
      );
    }
    for (const { body } of await both('/debug/delivery')) {
      expect((body.delivery as unknown[]).length).toBe(2);
      expect((body.channels as unknown[]).length).toBe(2);
    }
  });

  it('shows the node that has a run in hand', async () => {
    const message = { threadId, content: 'x', metadata: { echo: { ask: '?' } } };
    const { runId } = await alice.ask('user_message', message);
    await alice.next('input_requested');
    const [fromA, fromB] = await both(`/debug/runs/${String(runId)}`);
    expect(fromA?.body.execution).toMatchObject({ state: 'waiting_input' });
    expect(fromB?.body.execution).toMatchObject({
      state: 'waiting_input',
      node: (fromA?.body.execution as { node: string }).node,
    });
  });

  it('explains what a connection of another node got, also after it has gone, and what was acknowledged there', async () => {
    await alice.ask('user_message', { threadId, content: 'x' });
    const { seq } = await bob.next('agent_completed');
    const question = { threadId, userId: 'bob', seq: Number(seq) };
    expect(await askExplain(a.server, question)).toMatchObject({ outcome: 'sent', followings: [{ node: nodeOf(b) }] });
    bob.close();
    await eventually('its following has ended', async () => {
      const { followings } = await askExplain(a.server, question);
      return (followings as { state: string }[])[0]?.state === 'closed';
    });
    expect(await askExplain(a.server, question)).toMatchObject({ outcome: 'sent', missingNodes: [] });
    const again = await b.server.ready('bob');
    await again.ask('ack_events', { threadId, seq });
    expect(await askExplain(a.server, question)).toMatchObject({ outcome: 'acknowledged' });
  });

  it('finds a thread by a connection that follows it on another node, and says so', async () => {
    const resolve = async (server: TestServer): Promise<unknown> =>
      (await askDebug(server, `/debug/resolve?runId=${threadId}`)).body;
    const found = { threadId, source: 'connection' };
    expect(await resolve(b.server)).toMatchObject(found);
    expect(await resolve(a.server)).toMatchObject({
      ...found,
      tried: [
        { source: 'registry', outcome: 'not_found' },
        { source: 'engine', outcome: 'not_found' },
        { source: 'connection', outcome: 'found', detail: `on ${nodeOf(b)}` },
      ],
    });
    b.redis.cut();
    await eventually('the node is lost', () => b.server.get(Bus).state === 'lost');
    expect(await resolve(a.server)).toMatchObject({ threadId: null });
  });

  it('shows its own part while Redis is away, with who is missing, and all again after', async () => {
    a.redis.cut();
    await eventually('Redis is lost', () => a.server.get(Bus).state === 'lost');
    const { body } = await askDebug(a.server, '/debug/connections');
    expect(body).toMatchObject({ nodes: [nodeOf(a)], missingNodes: [nodeOf(b)] });
    expect((body.connections as unknown[]).length).toBe(1);
    const question = { threadId, userId: 'carol', seq: 1 };
    expect(await askExplain(a.server, question)).toMatchObject({ missingNodes: [nodeOf(b)] });
    a.redis.restore();
    await eventually('all is there again', async () => {
      const again = (await askDebug(a.server, '/debug/connections')).body;
      return (again.connections as unknown[]).length === 2;
    });
    await both('/debug/connections');
  });
});

describe('A node that was killed', () => {
  let cluster: Cluster;

  beforeEach(async () => {
    cluster = await Cluster.start();
  });

  afterEach(() => cluster.end());

  it('is named as missing by the others', async () => {
    const token = await signedToken('operator', ['admin']);
    const look = async (): Promise<Record<string, string[]>> => {
      const response = await cluster.node(0).fetch('/debug/connections', token);
      expect(response.status).toBe(200);
      return (await response.json()) as Record<string, string[]>;
    };
    let seen = await look();
    while (seen['nodes']?.length !== 2) seen = await look();
    const gone = seen['nodes'][1];
    await cluster.node(1).kill();
    const after = await look();
    expect(after).toMatchObject({ nodes: [seen['nodes'][0]], missingNodes: [gone] });
    while ((await cluster.node(0).metric('threadcast_cluster_nodes')) > 1);
    expect(await look()).toMatchObject({ missingNodes: [gone] });
  });
});
