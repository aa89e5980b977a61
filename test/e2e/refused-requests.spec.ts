import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../../src/errors/index.js';
import { Gate, type TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread, wire } from './scripted-server.js';

let scripted: ScriptedServer;
let alice: TestClient;

beforeEach(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
});

afterEach(() => scripted.close());

const threads = async (): Promise<unknown[]> =>
  ((await (await scripted.server.fetch('alice', '/api/threads')).json()) as { threads: unknown[] }).threads;

describe('A refused request changes nothing', () => {
  it.each([
    ['an agent that does not exist', 'user_message', { content: 'x', agent: 'nobody' }, 'agent_not_found'],
    ['a start of such an agent', 'start_agent', { agent: 'nobody' }, 'agent_not_found'],
    ['no content', 'user_message', { content: '' }, 'invalid_payload'],
    ['an input that the agent refuses', 'start_agent', { agent: 'echo', input: { repeat: 0 } }, 'invalid_payload'],
    ['metadata that the agent refuses', 'user_message', { content: 'x', metadata: { echo: 1 } }, 'invalid_payload'],
    ['a policy that does not exist', 'user_message', { content: 'x', policy: 'first' }, 'invalid_payload'],
    ['an id that cannot be read', 'user_message', { content: 'x', threadId: 'nonsense' }, 'invalid_id'],
    ['a thread that does not exist', 'user_message', { content: 'x', threadId: 'thread_none' }, 'thread_not_found'],
  ])('for %s', async (_why, type, payload, code) => {
    const refused = await alice.request(type, { ...payload, messageId: 'm' });
    expect(refused).toMatchObject({ ok: false, error: { code } });
    await alice.fence();
    expect(alice.names()).not.toContain('thread_switched');
    expect(await threads()).toEqual([]);

    const good = await alice.ask('user_message', { content: 'now', messageId: 'm' });
    expect(good).toMatchObject({ duplicate: false, seq: 1, associated: true });
  });

  it('for content above the bound of one event', async () => {
    const small = await ScriptedServer.start({ env: { MAX_EVENT_BYTES: '1000' } });
    try {
      const carol = await small.server.ready('carol');
      const refused = await carol.request('user_message', { content: 'x'.repeat(2_000), messageId: 'm' });
      expect(refused).toMatchObject({ error: { code: 'message_too_large' } });
      await carol.fence();
      expect(carol.names()).not.toContain('thread_switched');
      expect(await carol.ask('user_message', { content: 'x', messageId: 'm' })).toMatchObject({ duplicate: false });
    } finally {
      await small.close();
    }
  });

  it('for a storage that takes nothing: what was active stays, and so does its following', async () => {
    const active = await newThread(alice);
    const other = await newThread(alice);
    await alice.ask('switch_thread', { threadId: active });
    await alice.next('thread_caught_up');
    scripted.storage.before('transact', async () => {
      throw new ThreadcastError('storage_unavailable');
    });
    const refused = await alice.request('user_message', { threadId: other, content: 'x', messageId: 'm' });
    expect(refused).toMatchObject({ error: { code: 'storage_unavailable', retryable: true } });
    scripted.storage.before('transact', null);

    expect(await alice.ask('user_message', { content: 'here' })).toMatchObject({ threadId: active, duplicate: false });
    const again = await alice.ask('user_message', { threadId: other, content: 'x', messageId: 'm' });
    expect(again).toMatchObject({ threadId: other, seq: 1, duplicate: false });
  });

  it('for a run that is refused on another thread: the active one is not left', async () => {
    const active = await newThread(alice);
    const busy = await newThread(alice);
    const end = new Gate();
    await scripted.run(alice, () => end.opened, { threadId: busy });
    await alice.ask('switch_thread', { threadId: active });
    const from = alice.frames.length;
    const refused = await alice.request('user_message', {
      ...{ threadId: busy, content: 'x', policy: 'reject', messageId: 'm' },
    });
    expect(refused).toMatchObject({ error: { code: 'run_in_progress', retryable: true } });
    end.open();
    const { runId } = await alice.ask('user_message', { content: 'here' });
    await alice.next('agent_completed', (event) => event['runId'] === runId);

    // Of its end the user is told, wherever they are.
    const came = wire(alice, busy, from).filter((line) => !line.startsWith('thread_activity'));
    expect(came).toEqual([]);
    const { events } = await alice.ask('get_thread_history', { threadId: busy });
    expect((events as { type: string }[]).map((event) => event.type)).not.toContain('message_created');
  });
});
