import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Gate, type TestAnswer, type TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread } from './scripted-server.js';

const MADE_UP = 'thread_374579bdba3c41b8';
const MADE_UP_RUN = `${MADE_UP}_run_1756919162904_9adf1f09`;

let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;
let runId: string;
let requestId: string;
const ids: Record<string, readonly [string, string]> = {};

beforeAll(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  threadId = await newThread(alice);
  const asking = await alice.ask('start_agent', { threadId, agent: 'echo', input: { ask: 'Who?' } });
  runId = String(asking['runId']);
  requestId = ((await alice.next('input_requested'))['data'] as { requestId: string }).requestId;
  ids['thread'] = [threadId, MADE_UP];
  ids['run'] = [runId, MADE_UP_RUN];
});

afterAll(() => scripted.close());

/** The same request for what is there and for what is not; both answers, with the ids taken out. */
async function both(kind: string, ask: (id: string) => Promise<unknown>): Promise<[unknown, unknown]> {
  const [foreign, madeUp] = ids[kind]!;
  const mask = (answer: unknown): unknown =>
    JSON.parse(JSON.stringify(answer).replaceAll(foreign, 'ID').replaceAll(madeUp, 'ID'));
  return [mask(await ask(foreign)), mask(await ask(madeUp))];
}

describe('For somebody else a thread and its runs do not exist', () => {
  it.each([
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
    ['get_thread_history', {}],
    ['get_thread_history', { after: 999 }],
    ['get_thread_history', { before: 3, view: 'compact' }],
    ['ack_events', { seq: 1 }],
    ['ack_events', { seq: 999 }],
  ])('%s %j', async (type, payload) => {
    const [foreign, madeUp] = await both('thread', (id) => bob.request(type, { ...payload, threadId: id }));

    expect(foreign).toEqual(madeUp);
    expect((foreign as TestAnswer).ok).toBe(type === 'unsubscribe_thread');
  });

  it.each([
    ['stop_agent', {}],
    ['provide_input', { value: 'me' }],
  ])('%s %j', async (type, payload) => {
    const more = type === 'provide_input' ? { ...payload, requestId } : payload;
    const [foreign, madeUp] = await both('run', (id) => bob.request(type, { ...more, runId: id }));

    expect(foreign).toEqual(madeUp);
    expect(foreign).toMatchObject({ ok: false, error: { code: 'run_not_found' } });
  });

  it.each<[string, string, string, object | null]>([
    ['GET', 'thread', '', null],
    ['PATCH', 'thread', '', { title: 'mine' }],
    ['DELETE', 'thread', '', null],
    ['PUT', 'thread', '/members/bob', null],
    ['DELETE', 'thread', '/members/alice', null],
    ['GET', 'thread', '/events', null],
    ['GET', 'thread', '/events?after=999', null],
    ['GET', 'thread', '/events?before=3&view=compact', null],
    ['POST', 'thread', '/messages', { content: 'hello', messageId: 'm' }],
    ['POST', 'thread', '/runs', { agent: 'echo', input: 'x' }],
    ['GET', 'run', '', null],
    ['POST', 'run', '/cancel', {}],
    ['POST', 'run', '/input', { requestId: 'r', value: 1 }],
  ])('%s %s%s', async (method, kind, path, body) => {
    const init = { method, ...(body !== null && { body: JSON.stringify(body) }) };
    for (const user of [{ userId: 'bob' }, { userId: 'root', roles: ['admin'] as const }]) {
      const token = await scripted.server.token(
        user.userId,
        user.roles === undefined ? {} : { roles: [...user.roles] },
      );
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      const [foreign, madeUp] = await both(kind, async (id) => {
        const response = await fetch(`${scripted.server.url}/api/${kind}s/${id}${path}`, { ...init, headers });
        return { status: response.status, body: await response.json() };
      });

      expect(foreign).toEqual(madeUp);
      expect(foreign).toMatchObject({ status: 404, body: { code: `${kind}_not_found` } });
    }
  });

  it('as a stream of events too', async () => {
    const headers = { Accept: 'text/event-stream' };
    const [foreign, madeUp] = await both('thread', async (id) => {
      const response = await scripted.server.fetch('bob', `/api/threads/${id}/events`, { headers });
      return { status: response.status, body: await response.json() };
    });

    expect(foreign).toEqual(madeUp);
    expect(foreign).toMatchObject({ status: 404 });
  });

  it('and after all of that nothing has changed, nothing was received, and the owner is not kept from anything', async () => {
    await bob.fence();
    expect(bob.frames.filter(({ data }) => data['threadId'] === threadId)).toEqual([]);
    expect(await alice.ask('provide_input', { runId, requestId, value: 'me' })).toEqual({ ok: true, runId });
    await alice.next('agent_completed');
    expect(alice.events(threadId).map((event) => event.type)).not.toContain('message_created');
    expect(alice.events(threadId).map((event) => event.type)).not.toContain('thread_updated');
    const list = (await (await scripted.server.fetch('bob', '/api/threads')).json()) as { threads: unknown[] };
    expect(list.threads).toEqual([]);
  });
});

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
