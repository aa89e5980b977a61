import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ScriptedServer, newThread } from './scripted-server.js';

const SECRET = 'hunter2-and-more';

describe('What looks like a secret', () => {
  let scripted: ScriptedServer;

  beforeEach(async () => {
    scripted = await ScriptedServer.start({ env: { MAX_EVENT_BYTES: '4096' } });
  });

  afterEach(() => scripted.close());

  it('and is the name of a user stays it: the member stays a member, and the message its author’s', async () => {
    const name = 'service-token:abc123456';
    const alice = await scripted.server.ready('alice');
    const service = await scripted.server.ready(name);
    const threadId = await newThread(alice);
    const share = (userId: string) =>
      scripted.server.fetch('alice', `/api/threads/${threadId}/members/${encodeURIComponent(userId)}`, {
        method: 'PUT',
      });
    await share(name);
    await service.ask('subscribe_thread', { threadId, after: 0 });
    await share('carol');
    await service.ask('user_message', { threadId, content: 'hello', messageId: 'password=abc123456' });
    await service.next('agent_completed');

    expect(service.names()).not.toContain('thread_detached');
    const said = service.events(threadId).find((event) => event.type === 'message_created');
    expect(said?.data).toMatchObject({ userId: name, messageId: 'password=abc123456' });
    expect(service.events(threadId).findLast((event) => event.type === 'thread_updated')?.data).toEqual({
      members: [name, 'carol'],
    });
  });

  it('in an answer to an agent reaches the agent, and neither the log nor who looks at the run', async () => {
    const alice = await scripted.server.ready('alice');
    const threadId = await newThread(alice);
    await alice.ask('subscribe_thread', { threadId });
    const { runId } = await scripted.run(
      alice,
      async (context) => {
        const answer = await context.requestInput({ prompt: 'Sign in.' });
        await context.write(
          JSON.stringify(answer) === JSON.stringify({ password: SECRET, user: 'ada' }) ? 'as given' : 'not',
        );
      },
      { threadId },
    );
    const asked = await alice.next('input_requested');
    const { requestId } = asked['data'] as { requestId: string };
    await alice.ask('provide_input', { runId, requestId, value: { password: SECRET, user: 'ada' } });
    await alice.next('agent_completed');
    const again = await alice.request('provide_input', { runId, requestId, value: { user: 'ada', password: SECRET } });
    const other = await alice.request('provide_input', { runId, requestId, value: { user: 'bob', password: SECRET } });
    const run = await (await scripted.server.fetch('alice', `/api/runs/${String(runId)}`)).text();

    expect(alice.events(threadId).find((event) => event.type === 'agent_delta')?.data).toMatchObject({
      text: 'as given',
    });
    expect(JSON.stringify(alice.events(threadId))).not.toContain(SECRET);
    expect(run).toContain('"user":"ada"');
    expect(run).not.toContain(SECRET);
    expect(run).not.toContain('answerHash');
    expect([again.ok, other.error?.code]).toEqual([true, 'input_closed']);
  });
});

describe('An input that no event can tell', () => {
  it('is refused, and nothing is started', async () => {
    const scripted = await ScriptedServer.start({ env: { MAX_EVENT_BYTES: '4096' } });
    try {
      const alice = await scripted.server.ready('alice');
      const threadId = await newThread(alice);
      const started = await alice.request('start_agent', {
        threadId,
        agent: 'echo',
        input: { text: 'x'.repeat(5_000) },
      });

      expect(started).toMatchObject({ ok: false, error: { code: 'message_too_large' } });
      expect(await alice.ask('get_thread_history', { threadId })).toMatchObject({ head: 0, events: [] });
    } finally {
      await scripted.close();
    }
  });
});
