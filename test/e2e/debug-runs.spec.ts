import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, type TestClient } from '../../src/testing/index.js';
import { askDebug } from './debug-kit.js';
import type { Parsed } from './event-source-client.js';
import { eventually } from './gateway-kit.js';
import { ScriptedServer, newThread } from './scripted-server.js';

let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

beforeEach(async () => {
  scripted = await ScriptedServer.start({ env: { MAX_RUNS_PER_USER: '1' } });
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  threadId = await newThread(alice);
  await alice.ask('subscribe_thread', { threadId });
});

afterEach(() => scripted.close());

const debug = async (runId: unknown): Promise<Parsed> =>
  (await askDebug(scripted.server, `/debug/runs/${String(runId)}`)).body;

describe('GET /debug/runs/:id', () => {
  it('follows a run through its life', async () => {
    const gate = new Gate();
    const { runId } = await scripted.run(
      alice,
      async (context) => {
        await context.requestInput({ requestId: 'which', prompt: 'Which one?' });
        await context.write('so ');
        await gate.opened;
      },
      { threadId, messageId: 'm-1' },
    );
    await alice.next('input_requested');
    const waiting = await debug(runId);
    expect(waiting).toMatchObject({
      ...{ runId, threadId, agent: 'script', userId: 'alice', status: 'waiting_input', attempt: 1, policy: 'queue' },
      ...{ external: false, messageId: 'm-1', associated: true, endedAt: null, endReason: null, threadDeleted: false },
      ...{ createdAt: expect.any(Number), startedAt: expect.any(Number), missingNodes: [] },
      execution: {
        node: waiting.nodes[0],
        runId,
        state: 'waiting_input',
        workedMs: expect.any(Number),
        silentMs: null,
      },
    });
    expect(waiting.inputs).toEqual([{ requestId: 'which', status: 'open', requestedAt: expect.any(Number) }]);
    await alice.ask('provide_input', { runId, requestId: 'which', value: 'that' });
    await alice.next('agent_delta');
    expect(await debug(runId)).toMatchObject({
      ...{ status: 'running', inputs: [{ requestId: 'which', status: 'answered', answeredAt: expect.any(Number) }] },
      execution: { state: 'working', silentMs: expect.any(Number), unsettledBytes: 0 },
    });
    gate.open();
    await alice.next('agent_completed');
    await eventually('it is over', async () => (await debug(runId)).execution === null);

    expect(await debug(runId)).toMatchObject({ status: 'completed', endedAt: expect.any(Number), endReason: null });
  });

  it('says what a queued run waits for', async () => {
    const gate = new Gate();
    const { runId: first } = await scripted.run(alice, () => gate.opened, { threadId });
    const { runId: second } = await scripted.run(alice, () => Promise.resolve(), { threadId });
    const other = await newThread(alice);
    const { runId: elsewhere } = await scripted.run(alice, () => Promise.resolve(), { threadId: other });
    const { runId: ofBob } = await scripted.run(bob, () => gate.opened);

    expect((await debug(first)).execution).toMatchObject({ state: expect.stringMatching(/taking_up|working/) });
    expect(await debug(second)).toMatchObject({
      ...{ status: 'queued', attempt: 0, startedAt: null },
      execution: { state: 'queued', waitsFor: 'thread', ahead: 1 },
    });
    expect(await debug(elsewhere)).toMatchObject({
      status: 'queued',
      execution: { state: 'queued', waitsFor: 'limits', ahead: 0 },
    });
    expect((await debug(ofBob)).execution.state).not.toBe('queued');
    gate.open();
    await alice.next('agent_completed', (event) => event['runId'] === second);
  });

  it('tells of a run of another process that it is one', async () => {
    const registered = await scripted.server.fetch('alice', `/api/threads/${threadId}/runs`, {
      method: 'POST',
      body: JSON.stringify({ external: true, agent: 'remote' }),
    });
    const { runId } = (await registered.json()) as Parsed;

    expect(await debug(runId)).toMatchObject({
      ...{ status: 'running', external: true, agent: 'remote', userId: 'alice' },
      execution: { state: 'external', waitsFor: null, ahead: 0, workedMs: null, silentMs: null, unsettledBytes: null },
    });
  });

  it('gives the code of a failure and the server’s own reasons, and no client’s words', async () => {
    const endings: unknown[] = [];
    for (const stop of [{}, { reason: 'secret words' }]) {
      const { runId } = await scripted.run(alice, ({ signal }) => aborted(signal), { threadId });
      await alice.ask('stop_agent', { runId, ...stop });
      endings.push((await debug(runId)).endReason);
    }
    const { runId } = await scripted.run(alice, () => Promise.reject(new Error('secret words')), { threadId });
    await alice.next('agent_error');
    endings.push((await debug(runId)).endReason);

    expect(endings).toEqual(['stopped', 'given by the client', 'run_failed']);
  });

  it('knows the runs of a deleted thread, in every form of the id, and no others', async () => {
    const { runId } = await scripted.run(alice, () => Promise.resolve(), { threadId });
    await alice.next('agent_completed');
    await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });

    expect(await debug(`thread_${String(runId)}`)).toMatchObject({ runId, threadDeleted: true, inputs: [] });
    const none = await askDebug(scripted.server, `/debug/runs/${threadId}_run_1_00000000`);
    expect(none).toMatchObject({ status: 404, body: { code: 'run_not_found' } });
    expect(await askDebug(scripted.server, '/debug/runs/none')).toMatchObject({
      status: 400,
      body: { code: 'invalid_id' },
    });
  });
});

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
  });
}
