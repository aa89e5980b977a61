import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestClient } from '../../src/testing/test-client.js';
import { TempDirs } from '../support/temp-dir.js';
import type { Order } from './faults.js';
import { readLogs } from './logs.js';
import { ServerProcess } from './server-process.js';

const AGENTS = new URL('./patient-agents.ts', import.meta.url);

interface Logged {
  readonly type: string;
  readonly runId?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

describe('A server that is killed', () => {
  const dirs = new TempDirs();
  const clients: TestClient[] = [];
  let dataDir: string;
  let server: ServerProcess;
  let threadId: string;

  beforeEach(async () => {
    dataDir = await dirs.make();
    spawn();
    await server.ready();
    const alice = await connect('alice');
    threadId = String((await alice.ask('create_thread', {}))['threadId']);
    await call('alice', 'PUT', `/api/threads/${threadId}/members/bob`);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server.end();
    await dirs.remove();
  });

  /** `port`: that of the one before, so that its address is known before it serves. */
  function spawn({ faults, port }: { faults?: readonly Order[]; port?: string } = {}): void {
    const env = { PORT: port ?? '0' };
    server = new ServerProcess({ dataDir, preload: AGENTS, env, ...(faults !== undefined && { faults }) });
  }

  async function killed(): Promise<string> {
    const { port } = new URL(server.url);
    server.kill();
    await server.exit();
    return port;
  }

  async function connect(userId: string): Promise<TestClient> {
    const client = new TestClient(server.url, { auth: { token: await server.token(userId) } });
    clients.push(client);
    await client.next('connection_ready');
    return client;
  }

  /** A client that follows the thread from its beginning. */
  async function follower(userId: string): Promise<TestClient> {
    const client = await connect(userId);
    await client.ask('subscribe_thread', { threadId, after: 0 });
    return client;
  }

  async function call(userId: string, method: string, path: string, body?: unknown, token?: string) {
    const headers = {
      Authorization: `Bearer ${token ?? (await server.token(userId))}`,
      'Content-Type': 'application/json',
    };
    const response = await fetch(`${server.url}${path}`, {
      ...{ method, headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  async function events(runId: unknown): Promise<Logged[]> {
    const log = (await readLogs(server.url, [await server.token('alice')])).get(threadId) ?? [];
    return log.map((raw) => JSON.parse(raw) as Logged).filter((event) => event.runId === runId);
  }

  async function types(runId: unknown): Promise<string[]> {
    return (await events(runId)).map((event) => event.type);
  }

  async function record(runId: unknown): Promise<unknown> {
    return (await call('bob', 'GET', `/api/runs/${String(runId)}`)).body;
  }

  async function asked(client: TestClient, runId: unknown): Promise<string> {
    const { data } = await client.next('input_requested', (event) => event['runId'] === runId);
    return (data as { requestId: string }).requestId;
  }

  it('while a run that can resume waits for input: others answer, on a socket and over HTTP, each question once', async () => {
    const alice = await follower('alice');
    const { runId } = await alice.ask('start_agent', { threadId, agent: 'patient' });
    const who = await asked(alice, runId);
    await killed();

    spawn();
    await server.ready();
    const bob = await follower('bob');
    expect(await asked(bob, runId)).toBe(who);
    expect(await record(runId)).toMatchObject({ attempt: 2, inputs: [{ requestId: who, status: 'open' }] });
    await bob.ask('provide_input', { runId, requestId: who, value: 'bob' });
    expect(await asked(bob, runId)).toBe('sure');
    await killed();

    spawn();
    await server.ready();
    const path = `/api/runs/${String(runId)}/input`;
    expect(await call('bob', 'POST', path, { requestId: 'sure', value: true })).toMatchObject({ status: 200 });
    const back = await follower('alice');
    const end = await back.next('agent_completed', (event) => event['runId'] === runId);
    expect(end).toMatchObject({ data: { content: JSON.stringify({ who: 'bob', sure: true, attempt: 3 }) } });

    expect(await types(runId)).toEqual([
      ...['agent_started', 'input_requested', 'input_received', 'input_requested', 'input_received', 'agent_completed'],
    ]);
    const [, first, , second] = await events(runId);
    expect([first?.data, second?.data]).toEqual([
      { requestId: who, prompt: 'Who are you?' },
      { requestId: 'sure', prompt: 'Sure, in attempt 2?' },
    ]);
    expect(await back.request('provide_input', { runId, requestId: 'sure', value: false })).toMatchObject({
      error: { code: 'input_closed' },
    });
  }, 120_000);

  it('just behind an answer: that is not asked for again; and while it starts, answers are told to come back', async () => {
    const alice = await follower('alice');
    const { runId } = await alice.ask('start_agent', { threadId, agent: 'patient' });
    const who = await asked(alice, runId);
    const token = await server.token('bob');
    expect(await alice.ask('provide_input', { runId, requestId: who, value: 'alice' })).toMatchObject({ ok: true });
    const port = await killed();

    const { url } = server;
    spawn({ faults: [{ do: 'hold the start', hold: true }], port });
    await server.said(/held/);
    server.url = url;
    const path = `/api/runs/${String(runId)}/input`;
    const early = await call('bob', 'POST', path, { requestId: 'sure', value: 1 }, token);
    expect(early).toMatchObject({ status: 503, body: { code: 'starting' } });
    expect(Number(early.headers.get('Retry-After'))).toBeGreaterThan(0);
    await server.order({ do: 'hold the start', hold: false });
    await server.ready();
    const bob = await follower('bob');
    expect(await asked(bob, runId)).toBe(who);
    expect(await asked(bob, runId)).toBe('sure');
    expect(await call('bob', 'POST', path, { requestId: 'sure', value: 1 }, token)).toMatchObject({ status: 200 });
    const { data } = await bob.next('agent_completed', (event) => event['runId'] === runId);

    expect(JSON.parse((data as { content: string }).content)).toMatchObject({ who: 'alice', sure: 1, attempt: 2 });
    expect((await types(runId)).filter((type) => type === 'input_requested')).toHaveLength(2);
  }, 120_000);

  it('while a run that cannot resume waits for input: it has its end, and takes no answer', async () => {
    const alice = await follower('alice');
    const { runId } = await alice.ask('start_agent', { threadId, agent: 'echo', input: { ask: 'Who are you?' } });
    const requestId = await asked(alice, runId);
    await killed();

    spawn();
    await server.ready();
    const bob = await follower('bob');
    const late = await bob.request('provide_input', { runId, requestId, value: 'bob' });
    expect(late).toMatchObject({ error: { code: 'input_closed' } });
    expect(await types(runId)).toEqual(['agent_started', 'input_requested', 'agent_error']);
    expect(await record(runId)).toMatchObject({
      ...{ status: 'failed', endReason: 'run_interrupted', attempt: 1 },
      inputs: [{ requestId, status: 'closed' }],
    });
  }, 120_000);

  it('while an agent goes on that was stopped, and one that was not: each has one end, and nothing behind it', async () => {
    const alice = await follower('alice');
    const start = { threadId, agent: 'deaf', policy: 'parallel' };
    const stopped = (await alice.ask('start_agent', start))['runId'];
    const other = (await alice.ask('start_agent', start))['runId'];
    for (const runId of [stopped, other]) await alice.next('agent_delta', (event) => event['runId'] === runId);
    expect(await alice.ask('stop_agent', { runId: stopped })).toMatchObject({ status: 'cancelled' });
    // Words of the one that was not stopped, behind the end of the one that was.
    await alice.next('agent_cancelled', (event) => event['runId'] === stopped);
    for (let words = 0; words < 5; words += 1) await alice.next('agent_delta', (event) => event['runId'] === other);
    await killed();

    spawn();
    await server.ready();
    for (const [runId, end] of [
      [stopped, 'agent_cancelled'],
      [other, 'agent_error'],
    ]) {
      const all = await types(runId);
      expect(all.at(-1)).toBe(end);
      expect([...new Set(all)]).toEqual(['agent_started', 'agent_delta', end]);
      expect(all.filter((type) => type === end)).toHaveLength(1);
    }
    expect(await record(stopped)).toMatchObject({ status: 'cancelled', endReason: 'stopped' });
    expect(await record(other)).toMatchObject({ status: 'failed', endReason: 'run_interrupted' });
  }, 120_000);
});
