import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { ReceivedEvent } from './event-source-client.js';
import { HttpApp, type User } from './http-app.js';

let app: HttpApp;
let alice: User;
let bob: User;

beforeAll(async () => {
  app = await HttpApp.start({ http: { maxMessageBytes: 20_000 } });
  alice = await app.as('alice');
  bob = await app.as('bob');
});

afterAll(() => app.close());

describe('A message over HTTP', () => {
  it('takes metadata as large as the request may be', async () => {
    const wide = await HttpApp.start();
    try {
      const bob = await wide.as('bob');
      const metadata = { note: 'x'.repeat(100_000) };
      const sent = await bob.post(`/api/threads/${await bob.thread()}/messages`, { content: 'x', metadata });
      expect(sent.status).toBe(201);
    } finally {
      await wide.close();
    }
  });

  it('is appended and answered by the default agent', async () => {
    const threadId = await alice.thread();
    const sent = await alice.post(`/api/threads/${threadId}/messages`, { content: 'one two', metadata: { a: 1 } });

    expect(sent).toMatchObject({ status: 201 });
    expect(sent.body).toEqual({
      threadId,
      messageId: expect.any(String),
      seq: 1,
      runId: expect.stringMatching(new RegExp(`^${threadId}_run_\\d+_[0-9a-f]{8}$`)),
      status: 'running',
      associated: false,
      associationMs: 0,
      duplicate: false,
    });
    const stream = alice.follow(threadId);
    const end = await stream.event((event) => event.type === 'agent_completed');
    expect(stream.events[0]).toMatchObject({
      type: 'message_created',
      data: { messageId: sent.body.messageId, userId: 'alice', content: 'one two', metadata: { a: 1 } },
    });
    expect(end).toMatchObject({ runId: sent.body.runId, data: { content: 'one two' } });
  });

  it('is taken once for its messageId, however it is spelled', async () => {
    const threadId = await alice.thread();
    const first = await alice.post(`/api/threads/${threadId}/messages`, { content: 'hi', messageId: 'm-1' });
    const second = await alice.post(`/api/threads/${threadId}/messages`, {
      content: 'hi',
      thread_id: threadId,
      payload: { message_id: 'm-1' },
    });

    expect(first).toMatchObject({ status: 201, body: { messageId: 'm-1', duplicate: false } });
    expect(second).toMatchObject({
      status: 200,
      body: { messageId: 'm-1', seq: 1, runId: first.body.runId, duplicate: true },
    });
    const events = (await alice.get(`/api/threads/${threadId}/events`)).body.events as ReceivedEvent[];
    expect(events.filter((event) => event.type === 'message_created')).toHaveLength(1);
  });

  it('is started once when it is sent many times at the same moment', async () => {
    const threadId = await alice.thread();
    const message = { content: 'hi', messageId: 'm-1' };
    const sent = await Promise.all(
      Array.from({ length: 8 }, () => alice.post(`/api/threads/${threadId}/messages`, message)),
    );

    expect(new Set(sent.map(({ body }) => body.runId as string)).size).toBe(1);
    expect(sent.filter(({ body }) => body.duplicate === false)).toHaveLength(1);
  });

  it('does not go with the messageId of a start that had none', async () => {
    const threadId = await alice.thread();
    await alice.post(`/api/threads/${threadId}/runs`, { agent: 'echo', input: 'x', messageId: 'm-1' });

    expect(await alice.post(`/api/threads/${threadId}/messages`, { content: 'x', messageId: 'm-1' })).toMatchObject({
      status: 409,
      body: { code: 'already_exists' },
    });
  });

  it.each([
    ['no content', {}, 'content'],
    ['empty content', { content: '' }, 'content'],
    ['a policy that there is not', { content: 'x', policy: 'later' }, 'policy'],
    ['an empty messageId', { content: 'x', messageId: '' }, 'messageId'],
    ['a messageId that is too long', { content: 'x', messageId: 'x'.repeat(257) }, 'messageId'],
    ['a connection that is no text', { content: 'x', connectionId: 7 }, 'connectionId'],
  ])('is refused with %s, and changes nothing', async (_what, body, field) => {
    const threadId = await alice.thread();

    expect(await alice.post(`/api/threads/${threadId}/messages`, body)).toMatchObject({
      status: 400,
      body: { code: 'invalid_payload', details: { fields: [{ field }] } },
    });
    expect((await alice.get(`/api/threads/${threadId}`)).body).toMatchObject({ head: 0, activeRuns: 0 });
  });

  it('is refused for an agent that there is not', async () => {
    const threadId = await alice.thread();

    expect(await alice.post(`/api/threads/${threadId}/messages`, { content: 'x', agent: 'nobody' })).toMatchObject({
      status: 400,
      body: { code: 'agent_not_found' },
    });
  });

  it('is refused when it is too large', async () => {
    const threadId = await alice.thread();

    expect(await alice.post(`/api/threads/${threadId}/messages`, { content: 'x'.repeat(20_000) })).toMatchObject({
      status: 413,
      body: { code: 'message_too_large' },
    });
  });
});

describe('A run over HTTP', () => {
  it('is started, shown, asked for input, answered and ended', async () => {
    const threadId = await alice.thread();
    const started = await alice.post(`/api/threads/${threadId}/runs`, {
      agent: 'echo',
      input: { ask: 'What shall I say?' },
    });
    const { runId } = started.body;
    expect(started).toMatchObject({ status: 201 });
    expect(started.body).toEqual({
      ...{ threadId, runId, status: 'running', associated: false, associationMs: 0, duplicate: false },
    });

    const stream = alice.follow(threadId);
    const asked = await stream.event((event) => event.type === 'input_requested');
    const { requestId } = asked.data;
    expect(await alice.get(`/api/runs/${runId}`)).toMatchObject({
      status: 200,
      body: {
        ...{ runId, threadId, agent: 'echo', userId: 'alice', status: 'waiting_input', attempt: 1, policy: 'queue' },
        ...{ external: false, associated: false, endedAt: null, endReason: null },
        inputs: [{ requestId, status: 'open', prompt: 'What shall I say?' }],
      },
    });

    const answer = { requestId, value: 'good day' };
    const answered = await alice.post(`/api/runs/${runId}/input`, answer);
    expect(answered).toMatchObject({ status: 200, body: { runId, inputs: [{ requestId, status: 'answered' }] } });
    const end = await stream.event((event) => event.type === 'agent_completed');
    expect(end.data.content).toBe('good day');
    expect((await alice.post(`/api/runs/${runId}/input`, answer)).status).toBe(200);
    expect(await alice.post(`/api/runs/${runId}/input`, { requestId, value: 'other' })).toMatchObject({
      status: 409,
      body: { code: 'input_closed' },
    });
    expect((await alice.get(`/api/runs/${runId}`)).body).toMatchObject({ status: 'completed' });
  });

  it('is cancelled, and stays as it ended', async () => {
    const threadId = await alice.thread();
    const { runId } = (
      await alice.post(`/api/threads/${threadId}/runs`, { agent: 'echo', input: { text: 'a', stallAfter: 0 } })
    ).body;
    const cancelled = await alice.post(`/api/runs/${runId}/cancel`, { reason: 'enough' });

    expect(cancelled).toMatchObject({ status: 200, body: { runId, status: 'cancelled', endReason: 'enough' } });
    expect(await alice.post(`/api/runs/${runId}/cancel`)).toMatchObject({
      status: 200,
      body: { status: 'cancelled', endReason: 'enough' },
    });
  });

  it('is cancelled for a reason as long as one that a socket gives', async () => {
    const { runId } = (await alice.post(`/api/threads/${await alice.thread()}/runs`, { agent: 'echo', input: 'x' }))
      .body;
    const cancel = (characters: number) => alice.post(`/api/runs/${runId}/cancel`, { reason: 'x'.repeat(characters) });

    expect((await cancel(1_000)).status).toBe(200);
    expect(await cancel(1_001)).toMatchObject({ status: 400, body: { details: { fields: [{ field: 'reason' }] } } });
  });

  it('is found under every form of its id', async () => {
    const threadId = await alice.thread();
    const { runId } = (await alice.post(`/api/threads/${threadId}/runs`, { agent: 'echo', input: 'x' })).body;

    expect((await alice.get(`/api/runs/thread_${runId}`)).body).toMatchObject({ runId });
    expect(await alice.get('/api/runs/nonsense')).toMatchObject({ status: 400, body: { code: 'invalid_id' } });
  });

  it.each(['get', 'cancel', 'input'])('does not exist for a stranger: %s', async (what) => {
    const threadId = await alice.thread();
    const { runId } = (
      await alice.post(`/api/threads/${threadId}/runs`, { agent: 'echo', input: { text: 'a', stallAfter: 0 } })
    ).body;
    const none = 'thread_0000000000000000_run_1_00000000';
    const ask = (id: string) =>
      what === 'get'
        ? bob.get(`/api/runs/${id}`)
        : bob.post(`/api/runs/${id}/${what}`, what === 'input' ? { requestId: 'r', value: 1 } : {});
    const toForeign = await ask(runId as string);

    expect(toForeign).toMatchObject({ status: 404, body: { code: 'run_not_found' } });
    expect(toForeign.body).toEqual((await ask(none)).body);
    expect((await alice.post(`/api/runs/${runId}/cancel`)).body).toMatchObject({ status: 'cancelled' });
  });

  it.each([
    ['no agent', { input: 'x' }, 'agent'],
    ['an agent of no name', { agent: '', input: 'x' }, 'agent'],
    ['another process that is none', { agent: 'echo', input: 'x', external: 'yes' }, 'external'],
    ['an id that only another process may choose', { agent: 'echo', runId: 'thread_x_run_1_1' }, 'runId'],
  ])('is refused with %s', async (_what, body, field) => {
    const threadId = await alice.thread();

    expect(await alice.post(`/api/threads/${threadId}/runs`, body)).toMatchObject({
      status: 400,
      body: { code: 'invalid_payload', details: { fields: [{ field }] } },
    });
  });

  it('is refused beside another one where the policy says so', async () => {
    const threadId = await alice.thread();
    const run = { agent: 'echo', input: { text: 'a', stallAfter: 0 } };
    const { runId } = (await alice.post(`/api/threads/${threadId}/runs`, run)).body;

    expect(await alice.post(`/api/threads/${threadId}/runs`, { ...run, policy: 'reject' })).toMatchObject({
      status: 409,
      body: { code: 'run_in_progress' },
    });
    expect(await alice.post(`/api/threads/${threadId}/runs`, run)).toMatchObject({
      status: 201,
      body: { status: 'queued' },
    });
    expect((await alice.get(`/api/threads/${threadId}`)).body.activeRuns).toBe(2);
    expect((await alice.post(`/api/runs/${runId}/cancel`)).status).toBe(200);
  });
});
