import { readFileSync } from 'node:fs';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../../src/errors/index.js';
import { checkContiguous } from '../../src/testing/index.js';
import { ApiCaller } from './api-caller.js';
import { ExternalScene } from './external-runs-kit.js';
import { ScriptedServer } from './scripted-server.js';

interface Vectors {
  readonly parse: readonly { readonly runId: string; readonly threadId: string | null }[];
}

const { parse: VECTORS } = JSON.parse(
  readFileSync(new URL('../vectors/run-ids.json', import.meta.url), 'utf8'),
) as Vectors;

const { delta, end } = ExternalScene;

let scripted: ScriptedServer;
let scene: ExternalScene;
let runId: string;

beforeAll(async () => {
  scripted = await ScriptedServer.start({ env: { MAX_EVENT_BYTES: '20000' } });
});

beforeEach(async () => {
  scene = await ExternalScene.on(scripted);
  runId = await scene.registered();
});

afterEach(async () => {
  scene.storage.before('runs.get', null);
  scene.alice.close();
  // What a test has made under an id of its own, another one may make again.
  await scene.forget();
});

afterAll(() => scripted.close());

const results = (...seqs: (number | [number])[]) => ({
  status: 200,
  body: { results: seqs.map((seq) => ({ seq: Number(seq), duplicate: Array.isArray(seq) })) },
});

describe('Events that a process appends for its run', () => {
  it('tell users of errors without stack traces', async () => {
    const message = 'Error: boom\n    at foo (/srv/app/x.js:1:2)';
    await scene.append(runId, [
      { type: 'tool_executing', data: { toolCallId: 't1', tool: 'look', args: null } },
      { type: 'tool_completed', data: { toolCallId: 't1', tool: 'look', error: message, durationMs: 1 } },
      { type: 'agent_error', data: { code: 'run_failed', message, retryable: false } },
    ]);

    expect((await scene.alice.next('tool_completed')).data).toMatchObject({ error: 'Error: boom' });
    expect((await scene.alice.next('agent_error')).data).toMatchObject({ message: 'Error: boom' });
  });

  it('of every type are told in order, with their data as given', async () => {
    const given = [
      { type: 'agent_started', data: { input: ['a'] } },
      { type: 'agent_thinking', data: { text: 'hm' } },
      { type: 'tool_executing', data: { toolCallId: 't1', tool: 'look', args: null } },
      { type: 'tool_completed', data: { toolCallId: 't1', tool: 'look', result: null, durationMs: 3.5 } },
      { type: 'progress_update', data: { message: 'half', percent: 50 } },
      { type: 'agent_delta', data: { messageId: 'm1', text: 'yes' } },
      { type: 'custom', data: { name: 'mood', value: { good: true } } },
      { type: 'agent_completed', data: { messageId: 'm1', content: 'yes', usage: { tokens: 1 }, durationMs: 7 } },
    ];
    expect(await scene.append(runId, given)).toMatchObject(results(1, 2, 3, 4, 5, 6, 7, 8));
    await scene.alice.next('agent_completed');

    const told = scene.alice.events(scene.threadId);
    expect(told.map(({ type, data }) => ({ type, data }))).toEqual(given);
    expect(told.every((event) => event.runId === runId && event.agent === 'remote')).toBe(true);
    checkContiguous(told);
  });

  it('begin with agent_started, which is there once', async () => {
    expect(await scene.append(runId, [delta('a', 'e1')])).toMatchObject(results(2));
    const twice = { type: 'agent_started', eventId: 'e2' };
    expect(await scene.append(runId, [twice, delta('b', 'e3'), { type: 'agent_started' }])).toMatchObject(
      results([1], 3, [1]),
    );
    const other = await scene.registered({ input: 'given at first' });
    const both = [{ type: 'agent_started' }, { type: 'agent_started', data: { input: 'later' } }];
    expect(await scene.append(other, both)).toMatchObject(results(4, [4]));

    expect(await scene.log(runId)).toMatchObject([{ type: 'agent_started', data: {} }, {}, {}]);
    expect(await scene.log(other)).toMatchObject([{ type: 'agent_started', data: { input: 'given at first' } }]);
  });

  it('under an eventId are there once: in one request, in another, and after the end', async () => {
    expect(await scene.append(runId, [delta('a', 'e1'), delta('a', 'e1'), delta('b', 'e2')])).toMatchObject(
      results(2, [2], 3),
    );
    const last = end('ab', 'e3');
    expect(await scene.append(runId, [delta('b', 'e2'), last, last])).toMatchObject(results([3], 4, [4]));
    const all = [{ type: 'agent_started' }, delta('a', 'e1'), delta('b', 'e2'), last];
    expect(await scene.append(runId, all)).toMatchObject(results([1], [2], [3], [4]));
    expect(await scene.append(runId, [last, delta('c', 'e4')])).toMatchObject({ body: { code: 'run_ended' } });
    // Each run has names of its own.
    expect(await scene.append(await scene.registered(), [delta('a', 'e1')])).toMatchObject(results(6));
    expect(await scene.types(runId)).toEqual(['agent_started', 'agent_delta', 'agent_delta', 'agent_completed']);
  });

  it('end the run with an end: nothing new comes after it', async () => {
    const refused = { status: 409, body: { code: 'run_ended', retryable: false } };
    expect(await scene.append(runId, [delta('a'), end('a'), delta('b')])).toMatchObject(refused);
    expect(await scene.types(runId)).toEqual([]);
    const error = { type: 'agent_error', data: { code: 'run_failed', message: 'no', retryable: false } };
    expect(await scene.append(runId, [error])).toMatchObject(results(2));
    for (const late of [delta('b'), end('b'), error, { type: 'agent_cancelled', data: { reason: 'x' } }]) {
      expect(await scene.append(runId, [late])).toMatchObject(refused);
    }
    expect((await scene.producer.get(`/api/runs/${runId}`)).body).toMatchObject({
      ...{ status: 'failed', endReason: 'run_failed' },
    });
    const other = await scene.registered();
    await scene.append(other, [{ type: 'agent_cancelled', data: { reason: 'password=hunter2hunter2' } }]);
    const { body } = await scene.producer.get(`/api/runs/${other}`);
    expect(body).toMatchObject({ status: 'cancelled' });
    expect(body.endReason).not.toContain('hunter2');
  });

  it('are refused after a stop, also by the thread being deleted', async () => {
    await scene.append(runId, [delta('a', 'e1')]);
    expect(await scene.alice.ask('stop_agent', { runId })).toMatchObject({ status: 'cancelled' });
    const refused = { status: 409, body: { code: 'run_ended' } };
    expect(await scene.append(runId, [delta('b', 'e2')])).toMatchObject(refused);
    expect(await scene.append(runId, [delta('a', 'e1')])).toMatchObject(results([2]));
    const other = await scene.registered();
    await scene.owner.delete(`/api/threads/${scene.threadId}`);
    expect(await scene.append(other, [delta('b')])).toMatchObject(refused);
    await scene.owner.thread({ threadId: scene.threadId });
    expect(await scene.append(other, [delta('b')])).toMatchObject(refused);
    expect((await scene.owner.get(`/api/threads/${scene.threadId}`)).body).toMatchObject({ head: 0 });
  });

  it('that nobody has named may become one where they are neighbours of one message', async () => {
    const other = { type: 'agent_delta', data: { messageId: 'm2', text: '!' } };
    const given = [delta('a'), delta('b'), other, other, delta('c', 'e1'), delta('d'), delta('e')];
    expect(await scene.append(runId, given)).toMatchObject(results(2, 2, 3, 3, 4, 5, 5));

    const texts = (await scene.log(runId)).slice(1).map(({ data }) => (data as { text: string }).text);
    expect(texts).toEqual(['ab', '!!', 'c', 'de']);
    // Not beyond what one event of merged text may hold.
    const long = 'x'.repeat(9_000);
    expect(await scene.append(runId, [delta(long), delta(long), delta(long)])).toMatchObject(results(6, 6, 7));
  });

  it('are redacted', async () => {
    const args = { authorization: 'Bearer abcdefghijklmnop', list: [{ password: 'hunter2hunter2' }] };
    await scene.append(runId, [
      { type: 'tool_executing', data: { toolCallId: 't', tool: 'get', args } },
      delta('the password: hunter2hunter2'),
      { type: 'input_requested', data: { requestId: 'r', prompt: 'token=abcdefghijklmnop' } },
      end('Authorization: Bearer abcdefghijklmnop'),
    ]);
    const log = JSON.stringify(await scene.log(runId));

    expect(log).toContain('toolCallId');
    expect(log).not.toContain('hunter2');
    expect(log).not.toContain('abcdefghijklmnop');
  });
});

describe('A request with events', () => {
  it.each<[string, unknown, string]>([
    ['no list', 'x', 'events'],
    ['an empty list', [], 'events'],
    ['a list that is too long', Array.from({ length: 1_001 }, () => delta('x')), 'events'],
    ['what is no object', [delta('a'), 7], 'events.1.type'],
    ['a type that there is not', [{ type: 'agent_slept', data: {} }], 'events.0.type'],
    ['a type of users', [{ type: 'message_created', data: { content: 'x' } }], 'events.0.type'],
    ['an answer', [{ type: 'input_received', data: { requestId: 'r', value: 1 } }], 'events.0.type'],
    ['no data', [delta('a'), { type: 'agent_delta' }], 'events.1.data.messageId'],
    ['data of another type', [{ type: 'agent_thinking', data: { message: 'x' } }], 'events.0.data.text'],
    ['data that is a list', [{ type: 'agent_thinking', data: [] }], 'events.0.data'],
    ['text that is none', [{ type: 'agent_delta', data: { messageId: 'm', text: null } }], 'events.0.data.text'],
    ['an empty eventId', [{ ...delta('a'), eventId: '' }], 'events.0.eventId'],
    ['an eventId that is too long', [delta('a', 'x'.repeat(257))], 'events.0.eventId'],
    [
      'a code of its own',
      [{ type: 'agent_error', data: { code: 'oops', message: '', retryable: true } }],
      'events.0.data.code',
    ],
  ])('is refused with %s, and changes nothing', async (_what, events, field) => {
    const refused = await scene.append(runId, events as unknown[]);

    expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
    expect(refused.body.details.fields).toContainEqual({ field, message: expect.stringContaining(field) });
    expect(await scene.types(runId)).toEqual([]);
  });

  it('is taken whole or not at all, also where only its last event is too large', async () => {
    const refused = await scene.append(runId, [delta('a', 'e1'), delta('x'.repeat(20_000), 'e2')]);
    expect(refused).toMatchObject({
      status: 413,
      body: { code: 'message_too_large', details: { event: 1, maxBytes: 20_000 } },
    });
    const large = { type: 'agent_completed', data: { content: 'x'.repeat(20_000), durationMs: 1 } };
    expect(await scene.append(runId, [delta('a', 'e1'), large])).toMatchObject({ status: 413 });
    expect(await scene.append(runId, [delta('x'.repeat(300_000))])).toMatchObject({ status: 413 });
    expect(await scene.types(runId)).toEqual([]);
    // What was refused has left no name either.
    expect(await scene.append(runId, [delta('a', 'e1')])).toMatchObject(results(2));
  });

  it('leaves out what is null or not known', async () => {
    await scene.append(runId, [
      { type: 'progress_update', data: { message: 'x', percent: null, more: 1 }, eventId: null },
      { type: 'agent_completed', data: { content: '', messageId: null, usage: null } },
    ]);

    expect((await scene.log(runId)).slice(1)).toEqual([
      { seq: 2, type: 'progress_update', data: { message: 'x' } },
      { seq: 3, type: 'agent_completed', data: { content: '', durationMs: expect.any(Number) } },
    ]);
  });

  it('is for producers alone, and nothing is looked up before that is known', async () => {
    const looked: string[] = [];
    scene.storage.before('runs.get', async () => void looked.push('runs.get'));
    const admin = await ApiCaller.of(scene.server, 'root', ['admin']);
    for (const other of [scene.owner, admin]) {
      for (const id of [runId, 'nonsense']) {
        expect(await other.post(`/api/runs/${id}/events`, { events: 'x' })).toMatchObject({
          status: 403,
          body: { code: 'forbidden' },
        });
      }
    }
    expect(looked).toEqual([]);
  });

  it('is not for runs that the server executes itself', async () => {
    const { threadId } = scene;
    const start = { threadId, agent: 'echo', input: { ask: '?' }, policy: 'parallel' };
    const { runId: inner } = await scene.alice.ask('start_agent', start);
    await scene.alice.next('input_requested');

    expect(await scene.append(String(inner), [delta('x')])).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await scene.append(String(inner), [end('x')])).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await scene.types(String(inner))).toEqual(['agent_started', 'input_requested']);
  });
});

describe('A run that asks', () => {
  const asking = { type: 'input_requested', data: { requestId: 'r1', prompt: 'Which?', schema: { type: 'string' } } };
  const inputs = async (): Promise<unknown> => (await scene.producer.get(`/api/runs/${runId}`)).body.inputs;

  it('is answered by a user, and its process gets the answer as it was given', async () => {
    expect(await scene.append(runId, [asking])).toMatchObject(results(2));
    expect(await scene.alice.next('input_requested')).toMatchObject({ runId, data: asking.data });
    expect(await scene.status(runId)).toBe('waiting_input');
    // It may say more meanwhile, and goes on waiting.
    await scene.append(runId, [delta('waiting')]);
    const value = 'my password: hunter2hunter2';
    await scene.alice.ask('provide_input', { runId, requestId: 'r1', value });
    const { data } = await scene.alice.next('input_received');

    expect(JSON.stringify(data)).not.toContain('hunter2');
    expect(await inputs()).toMatchObject([{ requestId: 'r1', status: 'answered', value }]);
    const seen = await scene.owner.get(`/api/runs/${runId}`);
    expect(JSON.stringify(seen.body)).not.toContain('hunter2');
    expect(await scene.status(runId)).toBe('running');
    expect(await scene.alice.request('provide_input', { runId, requestId: 'r1', value: 'other' })).toMatchObject({
      error: { code: 'input_closed' },
    });
  });

  it('asks once under one requestId, also after the end', async () => {
    expect(await scene.append(runId, [asking, { ...asking, eventId: 'e1' }])).toMatchObject(results(2, [2]));
    expect(await scene.append(runId, [asking, end('x')])).toMatchObject(results([2], 3));
    expect(await scene.append(runId, [asking])).toMatchObject(results([2]));

    expect(await inputs()).toMatchObject([{ requestId: 'r1', status: 'closed' }]);
    expect(await scene.alice.request('provide_input', { runId, requestId: 'r1', value: 1 })).toMatchObject({
      error: { code: 'input_closed' },
    });
  });
});

describe('The run that events are for', () => {
  it.each(VECTORS)('is found by $runId: $threadId', async ({ runId: id, threadId }) => {
    if (threadId === null) {
      const refused = await scene.append(id, [delta('x')]);
      expect(refused).toMatchObject({ status: 404, body: id === '' ? {} : { code: 'run_not_found' } });
      if (id === '') return;
      const tried = ['registry', 'engine', 'connection'].map((source) => ({ source, outcome: 'not_found' }));
      expect(refused.body.details).toEqual({
        ...{ runId: id, threadId: null, source: null },
        tried: [...tried, { source: 'format', outcome: 'invalid_id', detail: expect.any(String) }],
      });
      return;
    }
    expect(await scene.append(id, [delta('x')])).toMatchObject({ status: 404, body: { code: 'run_not_found' } });
    await scene.owner.thread({ threadId });
    expect(await scene.append(id, [delta('x', 'e1')])).toMatchObject(results(2));
    // By now it is registered, under its normalised form.
    const { body } = await scene.producer.get(`/api/runs/${id}`);
    expect(body).toMatchObject({ threadId, external: true, status: 'running', agent: 'external', userId: 'alice' });
    expect(await scene.append(body.runId, [delta('x', 'e1'), end('x')])).toMatchObject(results([2], 3));
    expect(await scene.types(body.runId, threadId)).toEqual(['agent_started', 'agent_delta', 'agent_completed']);
  });

  it('is not a thread that somebody follows, though that is told', async () => {
    const counted = (): Promise<number> =>
      scene.server.metrics.value('threadcast_threads_resolutions_total', { source: 'connection' });
    const before = await counted();
    expect(await scene.append(scene.threadId, [delta('x')])).toMatchObject({
      status: 404,
      body: { code: 'run_not_found', details: { threadId: scene.threadId, source: 'connection' } },
    });
    expect(await counted()).toBe(before + 1);
  });

  it('is not guessed by its form while the registry cannot be asked', async () => {
    scene.storage.before('runs.get', () => Promise.reject(new ThreadcastError('storage_unavailable')));
    expect(await scene.append(`${scene.threadId}_run_1_abc`, [delta('x')])).toMatchObject({
      status: 503,
      body: { code: 'storage_unavailable', retryable: true },
    });
  });

  it('has the agent that is named with its first events', async () => {
    const id = `${scene.threadId}_run_1_abc`;
    await scene.append(id, [delta('x')], { agent: 'crew' });
    await scene.append(id, [delta('y', 'e1')], { agent: 'other' });

    expect((await scene.producer.get(`/api/runs/${id}`)).body).toMatchObject({ agent: 'crew' });
    await scene.alice.next('agent_delta');
    await scene.alice.next('agent_delta');
    expect(scene.alice.events(scene.threadId).map(({ agent }) => agent)).toEqual(['crew', 'crew', 'crew']);
  });
});
