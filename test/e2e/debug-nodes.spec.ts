import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { LocalNodeView } from '../../src/http/debug/local-node-view.js';
import { Nodes, type NodeView } from '../../src/http/debug/node-view.js';
import { TestServer, type TestClient } from '../../src/testing/index.js';
import { askDebug, askExplain } from './debug-kit.js';
import type { Parsed } from './event-source-client.js';
import { newThread } from './scripted-server.js';

/** This node and another one that is real, and perhaps one that does not answer. */
class SeveralNodes extends Nodes {
  readonly views: NodeView[] = [];

  override all(): readonly NodeView[] {
    return this.views;
  }
}

let nodes: SeveralNodes;
let here: TestServer;
let there: TestServer;
let alice: TestClient;
let bob: TestClient;

beforeEach(async () => {
  nodes = new SeveralNodes();
  here = await TestServer.start({ override: (builder) => builder.overrideProvider(Nodes).useValue(nodes) });
  there = await TestServer.start();
  nodes.views.push(here.get(LocalNodeView), there.get(LocalNodeView));
  alice = await here.ready('alice');
  bob = await there.ready('bob');
});

afterEach(async () => {
  await here.close();
  await there.close();
});

/** The view of a node that does not answer, whatever it is asked. */
function silent(node: string): NodeView {
  const refuse = (): Promise<never> => Promise.reject(new Error('no answer'));
  return new Proxy(here.get(LocalNodeView), { get: (_target, key) => (key === 'node' ? node : refuse) });
}

const idOf = (client: TestClient): string =>
  client.frames.find(({ name }) => name === 'connection_accepted')?.data['connectionId'] as string;
const get = async (path: string): Promise<Parsed> => (await askDebug(here, path)).body;

describe('Several nodes', () => {
  it('are asked together, and each answer says whose it is', async () => {
    const carol = await there.ready('carol');
    const { connections, nodes: answered, missingNodes } = await get('/debug/connections');
    const [nodeHere, nodeThere] = nodes.views.map(({ node }) => node);

    expect({ answered, missingNodes }).toEqual({ answered: [nodeHere, nodeThere], missingNodes: [] });
    expect(new Set((connections as Parsed[]).map(({ connectionId, node }) => `${connectionId} ${node}`))).toEqual(
      new Set([`${idOf(alice)} ${nodeHere}`, `${idOf(bob)} ${nodeThere}`, `${idOf(carol)} ${nodeThere}`]),
    );
    const pages: unknown[] = [];
    for (let cursor = ''; pages.length < 3;) {
      const page = await get(`/debug/connections?limit=1${cursor}`);
      pages.push(page.connections[0].connectionId);
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(pages).toEqual((connections as Parsed[]).map(({ connectionId }) => connectionId as unknown));
    expect(await get(`/debug/connections/${idOf(bob)}`)).toMatchObject({ node: nodeThere, userId: 'bob' });
  });

  it('that have a thread of the same id are both shown, on one page', async () => {
    await alice.ask('create_thread', { threadId: 'thread_same' });
    await bob.ask('create_thread', { threadId: 'thread_same' });
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId: 'thread_same' });
    const { channels, delivery, nextCursor } = await get('/debug/delivery?limit=1');

    expect((channels as Parsed[]).map(({ threadId }) => threadId as unknown)).toEqual(['thread_same', 'thread_same']);
    expect(nextCursor).toBeNull();
    expect((delivery as Parsed[]).map(({ node }) => node as unknown)).toEqual(nodes.views.map(({ node }) => node));
    expect((await get('/debug/threads/thread_same')).followersTotal).toBe(2);
  });

  it('that do not answer are named, and what they may know is not guessed', async () => {
    const threadId = await newThread(alice);
    await here.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
    const question = { threadId, userId: 'bob', seq: 1 };
    expect(await askExplain(here, question)).toMatchObject({ outcome: 'not_following', missingNodes: [] });
    nodes.views.push(silent('node_gone'));
    const missing = { missingNodes: ['node_gone'] };

    expect(await askExplain(here, question)).toMatchObject({
      ...{ ...missing, outcome: 'unknown', reason: 'Not all nodes have answered: what they know is missing.' },
    });
    for (const path of ['/debug/connections', `/debug/threads/${threadId}`, '/debug/delivery']) {
      expect(await askDebug(here, path)).toMatchObject({ status: 200, body: missing });
    }
    expect(await askDebug(here, '/debug/connections/conn_00000000-0000-4000-8000-000000000000')).toMatchObject({
      status: 404,
      body: { code: 'connection_not_found', details: missing },
    });
  });
});
