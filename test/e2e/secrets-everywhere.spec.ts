import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { TestClient } from '../../src/testing/index.js';
import { ScriptedServer } from './scripted-server.js';

const SECRET = 'hunter2-a1b2c3';

let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

beforeEach(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  const created = await alice.ask('create_thread', {
    title: `password=${SECRET}`,
    metadata: { apiKey: SECRET, keyboard: 'qwertz1', list: [{ deep: { token: SECRET } }] },
  });
  threadId = created['threadId'] as string;
  await scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
  await bob.ask('subscribe_thread', { threadId, after: 0 });
});

afterEach(() => scripted.close());

async function shown(path: string): Promise<string> {
  return (await scripted.server.fetch('bob', path)).text();
}

describe('A secret is in no event and no answer, whoever said it where:', () => {
  afterEach(async () => {
    const everything = [
      JSON.stringify(bob.frames),
      await shown(`/api/threads/${threadId}/events?limit=1000`),
      await shown(`/api/threads/${threadId}`),
      await shown('/api/threads'),
    ].join('\n');
    expect(everything).not.toContain(SECRET);
    expect(everything).toContain('[redacted]');
    expect(everything).toContain('"keyboard":"qwertz1"');
  });

  it('title and metadata of a thread, when it is made and when it is changed', async () => {
    const body = JSON.stringify({
      title: `of Bearer ${SECRET}`,
      metadata: { keyboard: 'qwertz1', cookie: SECRET },
    });
    const changed = await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'PATCH', body });

    expect(await changed.json()).toMatchObject({
      title: 'of Bearer [redacted]',
      metadata: { keyboard: 'qwertz1', cookie: '[redacted]' },
    });
    await bob.next('thread_updated', ({ data }) => 'title' in (data as object));
  });

  it('content and metadata of a message', async () => {
    await alice.ask('user_message', {
      threadId,
      content: `connect to postgres://ada:${SECRET}@db/app, {"secret":"${SECRET}"} Authorization=${SECRET}`,
      metadata: { keys: [{ private_key: SECRET }], keyboard: 'qwertz1' },
    });
    const said = await bob.next('message_created');
    await bob.next('agent_completed');

    expect(said['data']).toMatchObject({
      content: expect.stringContaining(
        'postgres://[redacted]@db/app, {"secret":"[redacted]"} Authorization=[redacted]',
      ),
      metadata: { keys: [{ private_key: '[redacted]' }], keyboard: 'qwertz1' },
    });
  });

  it('everything that an agent emits, asks and ends with', async () => {
    const { runId } = await scripted.run(
      alice,
      async (context) => {
        const call = { toolCallId: 'c', tool: 'db' };
        await context.emit('agent_thinking', { text: `the token: ${SECRET}` });
        await context.write(`password=${SECRET} `);
        await context.emit('tool_executing', { ...call, args: { list: [{ password: SECRET }], keyboard: 'qwertz1' } });
        await context.emit('tool_completed', { ...call, result: [[{ credentials: { of: SECRET } }]], durationMs: 1 });
        await context.emit('tool_completed', { ...call, error: `redis://:${SECRET}@cache refused`, durationMs: 1 });
        await context.emit('progress_update', { message: `with api_key=${SECRET}` });
        await context.emit('custom', { name: 'c', value: { 'set-cookie': [SECRET], text: `Bearer ${SECRET}` } });
        await context.requestInput({ prompt: `pwd=${SECRET}?`, schema: { default: { secret: SECRET } } });
        return { content: `Authorization: Bearer ${SECRET}`, usage: { tokens: 5, token: SECRET } };
      },
      { threadId },
    );
    const { requestId } = (await bob.next('input_requested'))['data'] as { requestId: string };
    await alice.ask('provide_input', { runId, requestId, value: { passphrase: SECRET, text: `secret=${SECRET}` } });
    const end = await bob.next('agent_completed');

    expect(end['data']).toMatchObject({ usage: { tokens: 5, token: '[redacted]' } });
    expect(await shown(`/api/runs/${String(runId)}`)).not.toContain(SECRET);
  });

  it('the error that an agent throws, and the reason that a user stops it for', async () => {
    await scripted.run(alice, () => Promise.reject(new Error(`no login with password=${SECRET}`)), { threadId });
    expect((await bob.next('agent_error'))['data']).toMatchObject({ message: 'no login with password=[redacted]' });

    const { runId } = await scripted.run(alice, ({ signal }) => aborted(signal), { threadId });
    await bob.next('agent_started', (event) => event['runId'] === runId);
    await alice.ask('stop_agent', { runId, reason: `it told password=${SECRET}` });
    expect((await bob.next('agent_cancelled'))['data']).toEqual({ reason: 'it told password=[redacted]' });
    expect(await shown(`/api/runs/${String(runId)}`)).toContain('"endReason":"it told password=[redacted]"');
  });

  it('the input of a run', async () => {
    await alice.ask('start_agent', { threadId, agent: 'echo', input: { text: 'x', token: SECRET } });
    expect((await bob.next('agent_started'))['data']).toMatchObject({ input: { text: 'x', token: '[redacted]' } });
    await bob.next('agent_completed');
  });
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
