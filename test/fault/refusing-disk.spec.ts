import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestClient, type TestAnswer } from '../../src/testing/test-client.js';
import { TempDirs } from '../support/temp-dir.js';
import { readLogs } from './logs.js';
import { ServerProcess, type ProcessOptions } from './server-process.js';

const REFUSED = { ok: false, error: { code: 'storage_unavailable', retryable: true } };

/** Asks until the answer is like that, at most so often: the least write still fits where no other one does. */
async function last<T>(times: number, ask: () => Promise<T>, like: (answer: T) => boolean): Promise<T> {
  const answer = await ask();
  return times <= 1 || like(answer) ? answer : last(times - 1, ask, like);
}

/** The storage is checked once a second, and the answer is given to all who ask meanwhile. */
const MANY_TRIES = 20_000;

describe('A disk that takes no more', () => {
  const dirs = new TempDirs();
  const servers: ServerProcess[] = [];
  const clients: TestClient[] = [];
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await dirs.make();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const server of servers.splice(0)) await server.end();
    await dirs.remove();
  });

  async function serve(options: Omit<ProcessOptions, 'dataDir'>): Promise<ServerProcess> {
    const server = new ServerProcess({ dataDir, ...options });
    servers.push(server);
    await server.ready();
    return server;
  }

  async function connect(server: ServerProcess): Promise<TestClient> {
    const client = new TestClient(server.url, { auth: { token: await server.token('alice') } });
    clients.push(client);
    await client.next('connection_ready');
    return client;
  }

  async function ready(server: ServerProcess): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${server.url}/health/ready`);
    return { status: response.status, body: await response.json() };
  }

  it('is told to clients, takes nothing that was answered, and does not end the server', async () => {
    const server = await serve({ fileLimitKb: 1_500 });
    const alice = await connect(server);
    const { threadId } = await alice.ask('create_thread', {});
    const sent = new Map<string, TestAnswer>();
    // Smaller and smaller, until not even a word fits.
    for (let bytes = 100_000; bytes >= 1;) {
      const messageId = `message-${sent.size}`;
      const answer = await alice.request('user_message', { threadId, messageId, content: 'x'.repeat(bytes) });
      sent.set(messageId, answer);
      if (!answer.ok) bytes = Math.floor(bytes / 10);
    }
    const kept = [...sent].filter(([, answer]) => answer.ok);
    const refused = [...sent].filter(([, answer]) => !answer.ok);
    expect(kept.length).toBeGreaterThan(2);
    for (const [, answer] of refused) expect(answer).toMatchObject(REFUSED);
    const full = await last(
      10,
      () => alice.request('create_thread', {}),
      ({ ok }) => !ok,
    );
    expect(full).toMatchObject(REFUSED);
    const health = await last(
      MANY_TRIES,
      () => ready(server),
      ({ status }) => status !== 200,
    );
    expect(health).toMatchObject({ status: 503, body: { status: 'down' } });
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    expect(await alice.request('ping')).toMatchObject({ ok: true });
    expect(await alice.request('get_thread_history', { threadId, limit: 1 })).toMatchObject({ ok: true });

    server.kill('SIGKILL');
    await alice.next('disconnect');
    const next = await serve({});
    const logs = await readLogs(next.url, [await next.token('alice')]);
    const log = logs.get(String(threadId)) ?? [];
    for (const [messageId, { seq }] of kept) expect(log[Number(seq) - 1]).toContain(`"messageId":"${messageId}"`);
    for (const [messageId] of refused) {
      expect(log.filter((raw) => raw.includes(`"messageId":"${messageId}"`))).toEqual([]);
    }
    alice.events(threadId).forEach((event) => expect(log[event.seq - 1]).toBe(JSON.stringify(event)));
    const back = await connect(next);
    const [again = ''] = refused[0] ?? [];
    const answer = await back.ask('user_message', { threadId, messageId: again, content: 'now it fits' });
    expect(answer['duplicate']).toBe(false);
    process.stdout.write(`\nA full disk: ${kept.length} messages kept, ${refused.length} refused\n`);
  });

  it('ends the runs whose events it refused, as soon as it takes something again', async () => {
    const server = await serve({ faults: [] });
    const alice = await connect(server);
    const { threadId, runId } = await alice.ask('user_message', {
      content: 'word '.repeat(5_000),
      metadata: { echo: { delayMs: 5 } },
    });
    await alice.next('agent_delta');
    await server.order({ do: 'refuse writes', refuse: true });
    const lost = { threadId, messageId: 'lost', content: 'are you there?' };
    expect(await alice.request('user_message', lost)).toMatchObject(REFUSED);
    await server.said(/waits for the storage/);
    const down = await last(
      MANY_TRIES,
      () => ready(server),
      ({ status }) => status !== 200,
    );
    expect(down).toMatchObject({ status: 503, body: { status: 'down' } });
    expect(await alice.request('ping')).toMatchObject({ ok: true });

    await server.order({ do: 'refuse writes', refuse: false });
    const up = await last(
      MANY_TRIES,
      () => ready(server),
      ({ status }) => status === 200,
    );
    expect(up.status).toBe(200);
    expect(await alice.next('agent_error')).toMatchObject({ runId, data: { code: 'run_failed' } });
    expect(await alice.ask('user_message', lost)).toMatchObject({ duplicate: false });
    expect(await alice.next('agent_completed')).toMatchObject({ data: { content: lost.content } });
    const seqs = alice.events(threadId).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  });

  it('delays the beginning of a run that was accepted before', async () => {
    const server = await serve({ faults: [] });
    const alice = await connect(server);
    const { threadId } = await alice.ask('user_message', {
      content: 'word '.repeat(20),
      metadata: { echo: { delayMs: 5 } },
    });
    const queued = await alice.ask('user_message', { threadId, content: 'and then this' });
    await alice.next('agent_delta');
    await server.order({ do: 'refuse writes', refuse: true });
    await server.said(/waits for the storage/);
    await server.order({ do: 'refuse writes', refuse: false });
    const { runId } = queued;
    expect(await alice.next('agent_completed', (event) => event['runId'] === runId)).toBeDefined();
  });
});
