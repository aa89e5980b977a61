import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { RequestCatalogue } from '../../src/gateway/request-catalogue.js';
import type { Role } from '../../src/identity/index.js';
import { Gate, type TestAnswer, type TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread } from './scripted-server.js';

const MADE_UP = 'thread_374579bdba3c41b8';
const MADE_UP_RUN = `${MADE_UP}_run_1756919162904_9adf1f09`;

/** Requests that name a thread. */
const OF_THREADS: [string, object][] = [
  ['switch_thread', {}],
  ['switch_thread', { after: 0 }],
  ['switch_thread', { after: 999, epoch: 'x' }],
  ['subscribe_thread', {}],
  ['subscribe_thread', { after: 1 }],
  ['unsubscribe_thread', {}],
  ['user_message', { content: 'hello', messageId: 'm' }],
  ['user_message', { content: 'hello', policy: 'reject' }],
  ['user_message', { content: 'hello', policy: 'interrupt', agent: 'nobody' }],
  ['start_agent', { agent: 'echo', input: 'x' }],
  ['start_agent', { agent: 'echo', input: 'x', messageId: 'm' }],
  ['get_thread_history', {}],
  ['get_thread_history', { after: 999 }],
  ['get_thread_history', { before: 3, view: 'compact' }],
  ['ack_events', { seq: 1 }],
  ['ack_events', { seq: 999 }],
];

/** Requests that name a run. */
const OF_RUNS: [string, object][] = [
  ['stop_agent', {}],
  ['stop_agent', { reason: 'mine' }],
  ['provide_input', { requestId: 'who', value: 'me' }],
];

/** Requests that name neither. */
const OF_NOTHING = ['authenticate', 'create_thread', 'ping'];

/** Routes with a thread or a run in them; `:id` is it. */
const ROUTES: [string, string, object | null][] = [
  ['GET', '/api/threads/:id', null],
  ['HEAD', '/api/threads/:id', null],
  ['PATCH', '/api/threads/:id', { title: 'mine' }],
  ['DELETE', '/api/threads/:id', null],
  ['PUT', '/api/threads/:id/members/bob', null],
  ['DELETE', '/api/threads/:id/members/alice', null],
  ['GET', '/api/threads/:id/events', null],
  ['GET', '/api/threads/:id/events?after=999', null],
  ['GET', '/api/threads/:id/events?before=3&view=compact', null],
  ['POST', '/api/threads/:id/messages', { content: 'hello', messageId: 'm' }],
  ['POST', '/api/threads/:id/messages', { content: 'hello', connectionId: '@connection' }],
  ['POST', '/api/threads/:id/runs', { agent: 'echo', input: 'x' }],
  ['POST', '/api/threads/:id/runs', { agent: 'other', external: true }],
  ['GET', '/api/runs/:id', null],
  ['POST', '/api/runs/:id/cancel', {}],
  ['POST', '/api/runs/:id/input', { requestId: 'who', value: 1 }],
];

/** What a stranger may stand before: each is as what was never there. */
const FOREIGN = [
  'somebody else’s',
  'one that was deleted',
  'one that was shared with him, and he had spoken in',
] as const;
type Foreign = (typeof FOREIGN)[number];

let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let connectionId: string;
const threads = {} as Record<Foreign, string>;
const runs = {} as Record<Foreign, string>;

const call = (path: string, method: string): Promise<Response> =>
  scripted.server.fetch('alice', `/api/threads/${path}`, { method });

/** A thread of Alice's with a run that asks who is there. */
async function asking(): Promise<[string, string]> {
  const threadId = await newThread(alice);
  const { runId } = await scripted.run(
    alice,
    async (context) => ({ content: (await context.requestInput({ requestId: 'who' })) as string }),
    { threadId },
  );
  await alice.next('input_requested', (event) => event['runId'] === runId);
  return [threadId, String(runId)];
}

beforeAll(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  connectionId = String((await bob.next('connection_accepted'))['connectionId']);
  for (const foreign of FOREIGN) [threads[foreign], runs[foreign]] = await asking();
  const [present, deleted, shared] = FOREIGN;
  expect(threads[present]).toHaveLength(MADE_UP.length);
  await call(threads[deleted], 'DELETE');
  await call(`${threads[shared]}/members/bob`, 'PUT');
  await bob.ask('user_message', { threadId: threads[shared], content: 'hello', messageId: 'm', policy: 'parallel' });
  await bob.next('agent_completed');
  await call(`${threads[shared]}/members/bob`, 'DELETE');
  await bob.next('thread_detached');
  bob.frames.length = 0;
});

afterAll(() => scripted.close());

/** What is answered where there is nothing, and where there is something foreign of each kind; ids taken out. */
async function answers(of: 'threads' | 'runs', ask: (id: string) => Promise<unknown>): Promise<unknown[]> {
  const ids = Object.values(of === 'threads' ? threads : runs);
  const known = [MADE_UP_RUN, MADE_UP, ...Object.values(runs), ...Object.values(threads)];
  const masked = async (id: string): Promise<unknown> => {
    const text = JSON.stringify(await ask(id));
    return JSON.parse(known.reduce((left, one) => left.replaceAll(one, 'ID'), text));
  };
  const all: unknown[] = [await masked(of === 'threads' ? MADE_UP : MADE_UP_RUN)];
  for (const id of ids) all.push(await masked(id));
  return all;
}

function expectAllAlike([madeUp, ...foreign]: unknown[]): void {
  expect(foreign).toEqual(FOREIGN.map(() => madeUp));
}

describe('For somebody else a thread and its runs do not exist', () => {
  it.each(OF_THREADS)('%s %j', async (type, payload) => {
    const all = await answers('threads', (id) => bob.request(type, { ...payload, threadId: id }));

    expectAllAlike(all);
    expect((all[0] as TestAnswer).ok).toBe(type === 'unsubscribe_thread');
    const code = 'agent' in payload && payload.agent === 'nobody' ? 'agent_not_found' : 'thread_not_found';
    if (type !== 'unsubscribe_thread') expect(all[0]).toMatchObject({ error: { code } });
  });

  it.each(OF_RUNS)('%s %j', async (type, payload) => {
    const all = await answers('runs', (id) => bob.request(type, { ...payload, runId: id }));

    expectAllAlike(all);
    expect(all[0]).toMatchObject({ ok: false, error: { code: 'run_not_found' } });
  });

  it('named in the handshake', async () => {
    const all = await answers('threads', async (id) => {
      const client = await scripted.server.ready('bob', { auth: { threadId: id, after: 0 } });
      client.close();
      return client.frames
        .filter(({ name }) => ['exception', 'connection_ready'].includes(name))
        .map(withoutConnection);
    });

    expectAllAlike(all);
    expect(all[0]).toMatchObject([
      { name: 'exception', data: { request: 'switch_thread', error: { code: 'thread_not_found' } } },
      { name: 'connection_ready', data: { threadId: null } },
    ]);
  });

  it.each(ROUTES)('%s %s %j', async (method, path, body) => {
    const init = { method, ...(body !== null && { body: JSON.stringify(body).replace('@connection', connectionId) }) };
    const of = path.includes('/runs/:id') ? 'runs' : 'threads';
    for (const [userId, roles] of [
      ['bob', []],
      ['root', ['admin']],
    ] satisfies [string, Role[]][]) {
      const headers = { Authorization: `Bearer ${await scripted.server.token(userId, { roles })}` };
      const all = await answers(of, async (id) => {
        const content = { 'Content-Type': 'application/json' };
        const url = `${scripted.server.url}${path.replace(':id', id)}`;
        const response = await fetch(url, { ...init, headers: { ...headers, ...content } });
        const told = [...response.headers].filter(([name]) => !['date', 'content-length'].includes(name));
        return { status: response.status, told, body: await response.text() };
      });

      expectAllAlike(all);
      const { status, body: text } = all[0] as { status: number; body: string };
      expect(status).toBe(404);
      if (method !== 'HEAD')
        expect(JSON.parse(text)).toMatchObject({ code: of === 'runs' ? 'run_not_found' : 'thread_not_found' });
    }
  });

  it('as a stream of events too', async () => {
    const headers = { Accept: 'text/event-stream' };
    const all = await answers('threads', async (id) => {
      const response = await scripted.server.fetch('bob', `/api/threads/${id}/events`, { headers });
      return { status: response.status, body: await response.json() };
    });

    expectAllAlike(all);
    expect(all[0]).toMatchObject({ status: 404 });
  });

  it.each(['', 'admin'])('and what is for producers is refused before it is looked for (role %j)', async (role) => {
    const token = await scripted.server.token('bob', { roles: role === '' ? [] : [role as Role] });
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const all = await answers('runs', async (id) => {
      const init = { method: 'POST', headers, body: '{"events":[{"type":"custom","data":{"name":"a","value":1}}]}' };
      const response = await fetch(`${scripted.server.url}/api/runs/${id}/events`, init);
      return { status: response.status, body: await response.json() };
    });

    expectAllAlike(all);
    expect(all[0]).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it('and after all of that nothing has changed, nothing was received, and the owner is not kept from anything', async () => {
    const [present] = FOREIGN;
    const [threadId, runId] = [threads[present], runs[present]];
    await bob.fence();
    const ofThreads = Object.values(threads);
    await alice.ask('subscribe_thread', { threadId, after: 2 });
    expect(bob.frames.filter(({ data }) => ofThreads.includes(String(data['threadId'])))).toEqual([]);
    expect(await alice.ask('provide_input', { runId, requestId: 'who', value: 'me' })).toEqual({ ok: true, runId });
    await alice.next('agent_completed', (event) => event['runId'] === runId);
    expect(alice.events(threadId).map((event) => event.type)).not.toContain('message_created');
    expect(alice.events(threadId).map((event) => event.type)).not.toContain('thread_updated');
    const list = (await (await scripted.server.fetch('bob', '/api/threads')).json()) as { threads: unknown[] };
    expect(list.threads).toEqual([]);
  });
});

describe('These tables', () => {
  it('have every request', () => {
    const tried = [...OF_THREADS.map(([type]) => type), ...OF_RUNS.map(([type]) => type), ...OF_NOTHING];
    const all = scripted.server.get(RequestCatalogue).all();

    expect([...new Set(tried)].sort()).toEqual(all.map(({ type }) => type).sort());
  });

  it('have every route that names a thread or a run, beside those that a role opens', async () => {
    const { paths } = (await (await fetch(`${scripted.server.url}/docs/openapi.json`)).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const named = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(?:threadId|runId)\}/, ':id')}`),
    );
    const byRole = ['POST /api/runs/:id/events', 'GET /debug/threads/:id', 'GET /debug/runs/:id'];
    const tried = ROUTES.map(([method, path]) => `${method} ${path.split('?')[0] ?? ''}`)
      .map((route) => route.replace(/members\/\w+$/, 'members/{userId}'))
      .filter((route) => !route.startsWith('HEAD'));

    expect([...new Set([...tried, ...byRole])].sort()).toEqual(named.filter((route) => route.includes(':id')).sort());
  });
});

function withoutConnection({ name, data }: { name: string; data: Readonly<Record<string, unknown>> }): unknown {
  return { name, data: { ...data, connectionId: '' } };
}

describe('Two users at work at once', () => {
  it('with the same words and message ids receive nothing of each other', async () => {
    const gates = [new Gate(), new Gate()];
    const clients = [await scripted.server.ready('carol'), await scripted.server.ready('dave')];
    const answers = await Promise.all(
      clients.map((client, n) =>
        scripted.run(
          client,
          async (context) => {
            await context.write(`secret of ${n}`);
            await gates[n]!.opened;
          },
          { messageId: 'same' },
        ),
      ),
    );
    for (const gate of gates) gate.open();
    await Promise.all(clients.map((client) => client.next('agent_completed')));

    clients.forEach((client, n) => {
      expect(client.events(answers[n]?.['threadId'])).toHaveLength(3);
      expect(JSON.stringify(client.frames)).not.toContain(`secret of ${1 - n}`);
    });
  });
});
