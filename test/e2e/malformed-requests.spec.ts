import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { TestServer, type TestClient } from '../../src/testing/index.js';
import { eventually, requestCount } from './gateway-kit.js';

const REQUESTS = [
  'authenticate',
  'create_thread',
  'switch_thread',
  'subscribe_thread',
  'unsubscribe_thread',
  'user_message',
  'start_agent',
  'stop_agent',
  'provide_input',
  'get_thread_history',
  'ack_events',
];

describe('Requests that nobody understands', () => {
  let server: TestServer;
  let alice: TestClient;

  beforeEach(async () => {
    server = await TestServer.start({ env: { RATE_LIMIT_BURST: '10000', MAX_MESSAGE_BYTES: '65536' } });
    alice = await server.ready('alice');
  });

  afterEach(() => server.close());

  const expectUntouched = async (): Promise<void> => {
    const listed = await server.fetch('alice', '/api/threads');
    expect(await listed.json()).toMatchObject({ threads: [] });
    await alice.fence();
    expect(alice.disconnects).toEqual([]);
    expect(server.get(ConnectionRegistry).all()[0]?.follower.activeThreadId).toBeNull();
  };

  it.each(REQUESTS)('%s is refused with a payload that is no object', async (type) => {
    const payloads = [[], [{ threadId: 'thread_a' }], 'text', '', 7, 0, true, false, null, Buffer.from('binary')];
    for (const payload of payloads) {
      const answer = await alice.request(type, payload);
      expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_payload', retryable: false } });
    }
    await expectUntouched();
  });

  it.each([
    ['authenticate', { token: 7 }, 'token'],
    ['create_thread', { threadId: 5 }, 'threadId'],
    ['create_thread', { title: ['a'] }, 'title'],
    ['create_thread', { metadata: 'text' }, 'metadata'],
    ['create_thread', { metadata: [] }, 'metadata'],
    ['switch_thread', {}, 'threadId'],
    ['switch_thread', { threadId: ['thread_a'] }, 'threadId'],
    ['switch_thread', { threadId: 'thread_a', after: '1' }, 'after'],
    ['switch_thread', { threadId: 'thread_a', after: 1.5 }, 'after'],
    ['subscribe_thread', { threadId: 'thread_a', epoch: 7 }, 'epoch'],
    ['unsubscribe_thread', { threadId: {} }, 'threadId'],
    ['user_message', {}, 'content'],
    ['user_message', { content: '' }, 'content'],
    ['user_message', { content: 'a', messageId: 7 }, 'messageId'],
    ['user_message', { content: 'a', messageId: 'x'.repeat(257) }, 'messageId'],
    ['user_message', { content: 'a', policy: 'later' }, 'policy'],
    ['user_message', { content: 'a', metadata: 'text' }, 'metadata'],
    ['start_agent', { input: 'a' }, 'agent'],
    ['stop_agent', {}, 'runId'],
    ['stop_agent', { runId: 7 }, 'runId'],
    ['stop_agent', { runId: 'run_a_12345678', reason: 'x'.repeat(1_001) }, 'reason'],
    ['provide_input', { runId: 'run_a_12345678', requestId: 'r' }, 'value'],
    ['get_thread_history', { threadId: 'thread_a', limit: 0 }, 'limit'],
    ['get_thread_history', { threadId: 'thread_a', view: 'full' }, 'view'],
    ['ack_events', { threadId: 'thread_a' }, 'seq'],
    ['ack_events', { threadId: 'thread_a', seq: -1 }, 'seq'],
  ])('%s with %j is refused, and the field is named', async (type, payload, field) => {
    const answer = await alice.request(type, payload);

    expect(answer).toMatchObject({ error: { code: 'invalid_payload', details: { fields: [{ field }] } } });
    await expectUntouched();
  });

  it.each([
    ['switch_thread', { threadId: 'somewhere' }],
    ['switch_thread', { threadId: ' thread_a' }],
    ['user_message', { threadId: 'thread_', content: 'a' }],
    ['create_thread', { threadId: 'thread_a__b' }],
    ['stop_agent', { runId: 'no run' }],
    ['provide_input', { runId: '', requestId: 'r', value: 1 }],
  ])('%s with an unreadable id is refused: %j', async (type, payload) => {
    expect(await alice.request(type, payload)).toMatchObject({ error: { code: 'invalid_id' } });
    await expectUntouched();
  });

  it.each([
    'hello',
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'error',
    '',
    '*',
    'connection',
    'events',
  ])('an event named %j is an unknown request', async (name) => {
    expect(await alice.request(name, { a: 1 })).toMatchObject({ ok: false, error: { code: 'unknown_request' } });
    expect(await requestCount(server, 'unknown', 'unknown_request')).toBe(1);
    await expectUntouched();
  });

  it('a name without end is cut where it is told back', async () => {
    alice.socket.emit('x'.repeat(10_000));
    const { request, error } = await alice.next('exception');

    expect((request as string).length).toBeLessThanOrEqual(100);
    expect(error).toMatchObject({ code: 'unknown_request' });
  });

  it('several arguments are refused', async () => {
    const answer = (await alice.socket.emitWithAck('create_thread', { title: 'a' }, { title: 'b' })) as object;

    expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_payload' } });
    await expectUntouched();
  });

  it('binary data is refused wherever it hides, also as an attachment; a text that looks like it is not', async () => {
    const metadata = { deep: [{ file: new Uint8Array([1, 2, 3]) }] };
    expect(await alice.request('create_thread', { metadata })).toMatchObject({ error: { code: 'invalid_payload' } });
    await expectUntouched();

    const lookalike = { metadata: { file: { type: 'Buffer', data: [1, 2, 3] } } };
    expect(await alice.request('create_thread', lookalike)).toMatchObject({ ok: true });
  });

  it('__proto__ in a payload changes nobody’s prototype, and is no field', async () => {
    const evil = JSON.parse('{"__proto__":{"threadId":"thread_evil","ok":true},"title":"t"}') as object;
    const answer = await alice.ask('create_thread', evil);
    expect(answer['threadId']).not.toBe('thread_evil');
    const metadata = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    ) as object;
    await alice.ask('user_message', { content: 'hello', metadata });
    await alice.next('agent_completed');

    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('deep nesting is refused or served, and never ends the server', async () => {
    for (const depth of [100, 1_000, 5_000, 30_000]) {
      const deep = '['.repeat(depth) + ']'.repeat(depth);
      alice.socket.io.engine.write(`2["create_thread",{"metadata":{"deep":${deep}}}]`);
      alice.socket.io.engine.write(`2["user_message",{"content":"a","messageId":${deep}}]`);
      alice.socket.io.engine.write(`2["ping",${deep}]`);
      await alice.fence();
    }
    const bob = await server.ready('bob');
    await bob.fence();

    const codes = alice.frames
      .filter((frame) => frame.name === 'exception')
      .map(({ data }) => (data['error'] as { code: string }).code);
    expect(new Set(codes)).toEqual(new Set(['invalid_payload']));
    expect(alice.disconnects).toEqual([]);
  });

  it('ping takes anything', async () => {
    for (const payload of [undefined, null, 7, 'text', [1, 2], { a: { b: 1 } }]) {
      expect(await alice.request('ping', payload)).toEqual({ ok: true, time: expect.any(Number) });
    }
  });

  it('ping takes two things and binary ones too, up to the size of a request', async () => {
    const ping = (...values: unknown[]) => alice.socket.timeout(10_000).emitWithAck('ping', ...values);
    const taken = { ok: true, time: expect.any(Number) };
    expect(await ping(1, { two: 2 })).toEqual(taken);
    expect(await ping(Buffer.from('binary'))).toEqual(taken);
    expect(await ping({ deep: [Buffer.alloc(65_000)] })).toEqual(taken);
    expect(await ping(Buffer.alloc(65_536))).toMatchObject({ error: { code: 'message_too_large' } });
    await expectUntouched();
  });

  it('without a callback each failure is told as an event, with the name of what was asked', async () => {
    alice.socket.emit('user_message', { content: 7 });
    alice.socket.emit('hello');
    alice.socket.emit('switch_thread', 'text');
    alice.socket.send('text');
    alice.socket.send({ type: 'stop_agent', payload: { runId: 'no run' } });
    await alice.fence();

    const told = alice.frames.filter((frame) => frame.name === 'exception').map(({ data }) => data);
    expect(
      told.map(({ request, error }) => `${request as string}: ${(error as { code: string }).code}`).sort(),
    ).toEqual([
      'hello: unknown_request',
      'message: invalid_payload',
      'stop_agent: invalid_id',
      'switch_thread: invalid_payload',
      'user_message: invalid_payload',
    ]);
    expect(told.every((data) => !('reconnect' in data) && !JSON.stringify(data).includes('node_modules'))).toBe(true);
  });

  it('before authentication they are refused as well, once they are understood or served', async () => {
    const stranger = server.connect();
    expect(await stranger.request('create_thread', 'text')).toMatchObject({ error: { code: 'invalid_payload' } });
    const unknown = stranger.request('hello');
    const invalid = stranger.request('user_message', { content: 7 });
    await eventually(
      'both are held',
      async () => (await server.metrics.value('threadcast_gateway_held_requests_total', {})) === 2,
    );
    await stranger.ask('authenticate', { token: await server.token('bob') });

    expect(await unknown).toMatchObject({ error: { code: 'unknown_request' } });
    expect(await invalid).toMatchObject({ error: { code: 'invalid_payload' } });
  });
});
