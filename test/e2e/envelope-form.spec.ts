import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, type TestClient } from '../../src/testing/index.js';

describe('A request sent as an envelope', () => {
  let server: TestServer;
  let alice: TestClient;

  beforeEach(async () => {
    server = await TestServer.start();
    alice = await server.ready('alice');
    await alice.ask('create_thread', { threadId: 'thread_a' });
    await alice.ask('create_thread', { threadId: 'thread_b' });
  });

  afterEach(() => server.close());

  it('is answered as under its own name', async () => {
    const named = await alice.request('get_thread_history', { threadId: 'thread_a' });
    const sent = await alice.send({ type: 'get_thread_history', payload: { threadId: 'thread_a' } });
    const refused = [
      await alice.request('switch_thread', { threadId: 'thread_nowhere' }),
      await alice.send({ type: 'switch_thread', payload: { threadId: 'thread_nowhere' } }),
    ];

    expect(sent).toEqual(named);
    expect(refused[1]).toEqual(refused[0]);
  });

  it('takes its turn among the others', async () => {
    const order: number[] = [];
    const done = [
      alice.request('switch_thread', { threadId: 'thread_a' }),
      alice.send({ type: 'user_message', payload: { content: 'hello' } }),
      alice.request('switch_thread', { threadId: 'thread_b' }),
      alice.send({ type: 'ping' }),
    ].map((answer, index) => answer.then(({ ok }) => ok && order.push(index)));
    await Promise.all(done);

    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('is held before authentication too, except authenticate', async () => {
    const bob = server.connect();
    const held = bob.send({ type: 'create_thread', payload: {} });
    const answer = await bob.send({ type: 'authenticate', payload: { token: await server.token('bob') } });

    expect(answer).toMatchObject({ ok: true, userId: 'bob' });
    expect(await held).toMatchObject({ ok: true });
  });

  it.each([
    { type: 'switch_thread', threadId: 'thread_a' },
    { type: 'switch_thread', thread_id: 'thread_a' },
    { type: 'switch_thread', payload: { threadId: 'thread_a' } },
    { type: 'switch_thread', payload: { thread_id: 'thread_a' } },
    { type: 'switch_thread', payload: { threadId: 'thread_a' }, threadId: 'thread_a', thread_id: 'thread_a' },
    { type: 'switch_thread', payload: { threadId: null }, threadId: 'thread_a', unknown: 1 },
    { type: 'switch_thread', payload: { threadId: 'thread_a', type: 'other', payload: 'other' } },
  ])('finds its thread: %j', async (envelope) => {
    expect(await alice.send(envelope)).toMatchObject({ ok: true, threadId: 'thread_a' });
  });

  it.each([{ threadId: 'thread_a' }, { thread_id: 'thread_a' }, { threadId: 'thread_a', thread_id: 'thread_a' }])(
    'and under its own name likewise: %j',
    async (payload) => {
      expect(await alice.request('switch_thread', payload)).toMatchObject({ ok: true, threadId: 'thread_a' });
    },
  );

  it('finds runs and messages however they are spelled', async () => {
    const first = await alice.ask('user_message', { content: 'a', message_id: 'm1', thread_id: 'thread_a' });
    const again = [
      await alice.send({ type: 'user_message', message_id: 'm1', thread_id: 'thread_a', payload: { content: 'a' } }),
      await alice.send({ type: 'user_message', payload: { content: 'a', messageId: 'm1', threadId: 'thread_a' } }),
    ];
    expect(again).toMatchObject([
      { duplicate: true, runId: first['runId'] },
      { duplicate: true, runId: first['runId'] },
    ]);
    await alice.next('agent_completed');
    for (const request of [{ run_id: first['runId'] }, { payload: { run_id: first['runId'] } }]) {
      expect(await alice.send({ type: 'stop_agent', ...request })).toMatchObject({ runId: first['runId'] });
    }
    expect(await alice.ask('stop_agent', { run_id: first['runId'] })).toMatchObject({ status: 'completed' });
  });

  it.each([
    { type: 'switch_thread', threadId: 'thread_a', thread_id: 'thread_b' },
    { type: 'switch_thread', threadId: 'thread_a', payload: { threadId: 'thread_b' } },
    { type: 'switch_thread', thread_id: 'thread_a', payload: { threadId: 'thread_b' } },
    { type: 'switch_thread', payload: { threadId: 'thread_a', thread_id: 'thread_b' } },
  ])('is refused where two spellings or places differ: %j', async (envelope) => {
    await alice.ask('switch_thread', { threadId: 'thread_b' });

    expect(await alice.send(envelope)).toMatchObject({
      error: { code: 'invalid_payload', details: { fields: [{ field: 'threadId' }] } },
    });
    expect(await alice.ask('user_message', { content: 'where?' })).toMatchObject({ threadId: 'thread_b' });
  });

  it('under its own name is refused where two spellings differ', async () => {
    expect(await alice.request('switch_thread', { threadId: 'thread_a', thread_id: 'thread_b' })).toMatchObject({
      error: { code: 'invalid_payload' },
    });
  });

  it.each([
    'text',
    7,
    null,
    [],
    [{ type: 'ping' }],
    {},
    { payload: {} },
    { type: 7 },
    { type: null, payload: {} },
    { type: 'create_thread', payload: 'text' },
    { type: 'create_thread', payload: [] },
    { type: 'create_thread', payload: null },
  ])('is refused when it is none: %j', async (envelope) => {
    expect(await alice.send(envelope)).toMatchObject({ ok: false, error: { code: 'invalid_payload' } });
  });

  it.each(['nothing', 'message', 'constructor', '__proto__', ''])(
    'is an unknown request when its type is %j',
    async (type) => {
      expect(await alice.send({ type, payload: {} })).toMatchObject({ error: { code: 'unknown_request' } });
    },
  );

  it('takes ping with anything, and without a payload what needs none', async () => {
    expect(await alice.send({ type: 'ping', payload: 'anything' })).toMatchObject({ ok: true });
    expect(await alice.send({ type: 'create_thread' })).toMatchObject({ ok: true, duplicate: false });
  });

  it('lifts nothing but ids from beside the payload', async () => {
    const answer = await alice.send({ type: 'user_message', threadId: 'thread_a', content: 'not here', payload: {} });

    expect(answer).toMatchObject({ error: { code: 'invalid_payload', details: { fields: [{ field: 'content' }] } } });
  });
});
