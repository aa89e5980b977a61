import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { RunEngine } from '../../src/agents/index.js';
import type { RunId } from '../../src/ids/index.js';
import { RunStarter } from '../../src/threads/index.js';
import { Gate, checkContiguous } from '../../src/testing/index.js';
import { ApiCaller } from './api-caller.js';
import { ExternalScene } from './external-runs-kit.js';
import { eventually, hold } from './gateway-kit.js';

const { delta, end } = ExternalScene;

let scene: ExternalScene;

beforeEach(async () => {
  scene = await ExternalScene.open();
});

afterEach(() => scene.close());

describe('A run of another process', () => {
  it('is registered by a producer that is in no thread, and is told like any other', async () => {
    const { threadId, alice } = scene;
    const { status, body } = await scene.register({ input: { task: 'count' } });
    const { runId } = body;
    expect({ status, body }).toEqual({
      status: 201,
      body: { threadId, runId, status: 'running', associated: false, associationMs: 0, duplicate: false },
    });
    expect((await scene.producer.get(`/api/runs/${runId}`)).body).toMatchObject({
      ...{ runId, threadId, agent: 'remote', status: 'running', external: true, policy: 'parallel', attempt: 0 },
      // Nobody's but the thread's owner's, for the producer is not in the thread.
      userId: 'alice',
    });
    await scene.append(runId, [delta('one '), end('one two')]);
    await alice.next('agent_completed');

    expect(alice.events(threadId)).toMatchObject([
      { type: 'agent_started', runId, agent: 'remote', data: { input: { task: 'count' } } },
      { type: 'agent_delta', runId, agent: 'remote', data: { messageId: 'm1', text: 'one ' } },
      { type: 'agent_completed', runId, agent: 'remote', data: { content: 'one two' } },
    ]);
    checkContiguous(alice.events(threadId));
    expect(await scene.status(runId)).toBe('completed');
  });

  it('may be registered by a member, who does not execute it', async () => {
    const { threadId, owner } = scene;
    const run = { external: true, agent: 'remote' };
    const { status, body } = await owner.post(`/api/threads/${threadId}/runs`, run);
    const { runId } = body;

    expect(status).toBe(201);
    expect((await owner.get(`/api/runs/${runId}`)).body).toMatchObject({ userId: 'alice', external: true });
    expect(await owner.post(`/api/runs/${runId}/events`, { events: [delta('x')] })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    expect((await scene.append(runId, [delta('x')])).status).toBe(200);
  });

  it('is not registered by strangers, nor on what there is not', async () => {
    const bob = await ApiCaller.of(scene.server, 'bob');
    const admin = await ApiCaller.of(scene.server, 'root', ['admin']);
    const run = { external: true, agent: 'remote' };
    for (const stranger of [bob, admin]) {
      const refused = await stranger.post(`/api/threads/${scene.threadId}/runs`, run);
      expect(refused).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    }
    expect(await scene.register({}, 'thread_none')).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    // A producer executes runs of its own; it starts no others.
    const started = await scene.producer.post(`/api/threads/${scene.threadId}/runs`, { agent: 'echo', input: 'x' });
    expect(started).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    expect((await scene.owner.get(`/api/threads/${scene.threadId}`)).body).toMatchObject({ head: 0, activeRuns: 0 });
  });

  it('has the id that is chosen for it, in its normalised form', async () => {
    const { threadId } = scene;
    const runId = `${threadId}_run_1693430400000_a1b2c3d4`;

    expect((await scene.register({ runId: `thread_${runId}` })).body).toMatchObject({ runId, threadId });
    expect(await scene.register({ runId })).toMatchObject({ status: 409, body: { code: 'already_exists' } });
    expect(await scene.register({ runId: 'thread_other_run_1_1' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_payload', details: { fields: [{ field: 'runId' }] } },
    });
    expect(await scene.register({ runId: 'nonsense' })).toMatchObject({ status: 400, body: { code: 'invalid_id' } });
    const legacy = `run_${threadId}_a1b2c3d4`;
    expect((await scene.register({ run_id: legacy })).body.runId).toBe(legacy.replace('run_thread_', 'run_'));
  });

  it.each([
    ['another field of the wrong kind', { input: 'x', runId: 7 }, 'runId'],
    ['no agent', { agent: null }, 'agent'],
    ['a connection to wait for', { connectionId: 'conn_7c5e1032-ed21-4aea-b12a-aeddf3622bec' }, 'connectionId'],
  ])('is refused with %s', async (_what, fields, field) => {
    expect(await scene.register(fields)).toMatchObject({
      status: 400,
      body: { code: 'invalid_payload', details: { fields: [{ field }] } },
    });
  });

  it('is registered once for its messageId, also after its end', async () => {
    const { status, body } = await scene.register({ messageId: 'r-1' });
    const { runId } = body;
    expect(status).toBe(201);
    const again = { ...body, duplicate: true };
    expect(await scene.register({ messageId: 'r-1' })).toMatchObject({ status: 200, body: again });
    await scene.append(runId, [end('done')]);
    expect(await scene.register({ messageId: 'r-1', runId })).toMatchObject({
      status: 200,
      body: { ...again, status: 'completed' },
    });
    // Of another user the same messageId is another registration.
    const other = await scene.owner.post(`/api/threads/${scene.threadId}/runs`, {
      ...{ external: true, agent: 'remote', messageId: 'r-1' },
    });
    expect(other.body.runId).not.toBe(runId);
  });

  it.each([1, 2])('under a chosen id is registered once when two register it at once (%i)', async (winner) => {
    const runId = `${scene.threadId}_run_1_abc`;
    const commit = scene.storage.holdNext('transact');
    const first = scene.register({ runId, agent: `agent-${winner}` });
    await commit.reached;
    const second = scene.register({ runId, agent: `agent-${3 - winner}` });
    commit.release();
    const answers = await Promise.all([first, second]);

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect((await scene.producer.get(`/api/runs/${runId}`)).body).toMatchObject({ agent: `agent-${winner}` });
  });
});

describe('The policy of a run of another process', () => {
  const started = async (more: object = {}): Promise<string> => {
    const { body } = await scene.owner.post(`/api/threads/${scene.threadId}/runs`, {
      ...{ agent: 'echo', input: { text: 'a', stallAfter: 0 } },
      ...more,
    });
    return body.runId as string;
  };

  it('is to begin beside the others where none is given', async () => {
    const inner = await started();
    await scene.alice.next('agent_started', (event) => event['runId'] === inner);
    expect((await scene.register()).body).toMatchObject({ status: 'running' });
    expect((await scene.register()).body).toMatchObject({ status: 'running' });
    expect(await scene.register({ policy: 'reject' })).toMatchObject({ body: { code: 'run_in_progress' } });
  });

  it('queue: it takes events when its turn has come, which its status tells', async () => {
    const inner = await started();
    const { body } = await scene.register({ policy: 'queue' });
    const { runId } = body;
    expect(body).toMatchObject({ status: 'queued' });
    expect(await scene.append(runId, [delta('too early')])).toMatchObject({
      status: 409,
      body: { code: 'run_in_progress', retryable: true, details: { status: 'queued' } },
    });
    await scene.alice.ask('stop_agent', { runId: inner });
    await eventually('its turn has come', async () => (await scene.status(runId)) === 'running');
    expect((await scene.append(runId, [delta('now')])).status).toBe(200);
    expect(await scene.types(runId)).toEqual(['agent_started', 'agent_delta']);
  });

  it('queue: what is behind it waits for its end, and the limits for own runs are not for it', async () => {
    const runs = [];
    for (let n = 0; n < 3; n += 1) runs.push(await scene.registered({ policy: 'queue' }));
    const inner = await started({ policy: 'queue' });
    expect(await Promise.all([...runs, inner].map((run) => scene.status(run)))).toEqual([
      ...['running', 'queued', 'queued', 'queued'],
    ]);
    for (const [n, runId] of runs.entries()) {
      await eventually(`the turn of run ${n}`, async () => (await scene.status(runId)) === 'running');
      expect(await scene.types(inner)).toEqual([]);
      await scene.append(runId, [end(`${n}`)]);
    }
    await scene.alice.next('agent_started', (event) => event['runId'] === inner);
  });

  it('interrupt: it ends what is under way, and goes before the queue', async () => {
    const gate = new Gate();
    const first = await scene.scripted.run(scene.alice, () => gate.opened, { threadId: scene.threadId });
    const waiting = await started();
    await scene.alice.next('agent_started');
    const { body } = await scene.register({ policy: 'interrupt' });
    expect(body).toMatchObject({ status: 'running' });
    expect(await scene.alice.next('agent_cancelled')).toMatchObject({ runId: first['runId'] });
    await scene.alice.fence();
    expect(await scene.status(waiting)).toBe('queued');
    await scene.append(body.runId, [end('x')]);
    await scene.alice.next('agent_started', (event) => event['runId'] === waiting);
    gate.open();
  });

  it('interrupt: one of another process is ended too, also before it has said anything', async () => {
    const silent = await scene.registered();
    const speaking = await scene.registered();
    await scene.append(speaking, [delta('hm')]);
    await started({ policy: 'interrupt' });
    const cancelled = ['agent_started', 'agent_cancelled'];

    expect(await scene.types(silent)).toEqual(cancelled);
    expect(await scene.types(speaking)).toEqual(['agent_started', 'agent_delta', 'agent_cancelled']);
    expect(await scene.append(speaking, [delta('late')])).toMatchObject({ status: 409, body: { code: 'run_ended' } });
  });

  it('interrupt: also one whose turn has come and to the storage had not', async () => {
    const inner = await started();
    await scene.alice.next('tool_completed');
    const queued = await scene.registered({ policy: 'queue' });
    const starts = hold(scene.server.get(RunStarter), 'start', 0);
    const end = scene.storage.holdNext('transact');
    const stopped = scene.alice.ask('stop_agent', { runId: inner });
    await end.reached;
    // Stored with the next commit: by then the queued one has been told to begin, behind it.
    const interrupting = started({ policy: 'interrupt' });
    await starts.arrived();
    const start = scene.storage.holdNext('transact');
    end.release();
    await start.reached;
    await eventually(
      'its turn has come',
      () => scene.server.get(RunEngine).view(queued as RunId)?.state === 'external',
    );
    start.release();
    const other = await interrupting;
    await stopped;
    await scene.alice.next('agent_started', (event) => event['runId'] === other);
    await eventually('it is cancelled', async () => (await scene.status(queued)) === 'cancelled');

    expect(await scene.types(queued)).toEqual(['agent_started', 'agent_cancelled']);
    expect(await scene.status(other)).toBe('running');
  });
});

describe('Producers', () => {
  it('see, cancel and answer the runs of every thread, without being in it', async () => {
    const { producer, alice, threadId } = scene;
    const { runId } = await alice.ask('start_agent', { threadId, agent: 'echo', input: { ask: 'what?' } });
    const { data } = await alice.next('input_requested');
    const { requestId } = data as { requestId: string };
    expect((await producer.get(`/api/runs/${String(runId)}`)).body).toMatchObject({ status: 'waiting_input' });
    const answer = { requestId, value: 'this' };
    expect((await producer.post(`/api/runs/${String(runId)}/input`, answer)).status).toBe(200);
    expect(await alice.next('agent_completed')).toMatchObject({ data: { content: 'this' } });
    const other = await scene.registered();
    expect((await producer.post(`/api/runs/${other}/cancel`, { reason: 'enough' })).body).toMatchObject({
      ...{ status: 'cancelled', endReason: 'enough' },
    });

    expect(await producer.get(`/api/threads/${threadId}`)).toMatchObject({ status: 404 });
    expect(await producer.get('/api/runs/thread_none_run_1_1')).toMatchObject({ body: { code: 'run_not_found' } });
    await scene.owner.delete(`/api/threads/${threadId}`);
    expect(await producer.get(`/api/runs/${other}`)).toMatchObject({ status: 409, body: { code: 'run_ended' } });
  });
});
