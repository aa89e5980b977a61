import { readFileSync } from 'node:fs';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { RunEngine } from '../../src/agents/index.js';
import { ThreadcastError } from '../../src/errors/index.js';
import { ApiCaller } from './api-caller.js';
import type { Parsed } from './event-source-client.js';
import { ScriptedServer, newThread } from './scripted-server.js';

interface Vectors {
  readonly parse: readonly { readonly runId: string; readonly threadId: string | null }[];
}

const { parse: VECTORS } = JSON.parse(
  readFileSync(new URL('../vectors/run-ids.json', import.meta.url), 'utf8'),
) as Vectors;

let scripted: ScriptedServer;
let admin: ApiCaller;
let alice: ApiCaller;

/** Before the test. */
const counts = new Map<string, number>();

beforeAll(async () => {
  scripted = await ScriptedServer.start();
  admin = await ApiCaller.of(scripted.server, 'root', ['admin']);
  alice = await ApiCaller.of(scripted.server, 'alice');
});

beforeEach(async () => {
  for (const source of ['registry', 'engine', 'connection', 'format', 'none']) counts.set(source, await total(source));
});

afterEach(() => scripted.storage.before('runs.get', null));

afterAll(() => scripted.close());

const resolved = async (runId: string): Promise<Parsed> => {
  const { status, body } = await admin.get(`/debug/resolve?runId=${encodeURIComponent(runId)}`);
  expect(status).toBe(200);
  return body;
};
const total = (source: string): Promise<number> =>
  scripted.server.metrics.value('threadcast_threads_resolutions_total', { source });
const counted = async (source: string): Promise<number> => (await total(source)) - (counts.get(source) ?? 0);

describe('Which thread a run belongs to', () => {
  it('is known by the registry first, under every form of the id, for as long as the run is known', async () => {
    const threadId = await alice.thread();
    const { runId } = (await alice.post(`/api/threads/${threadId}/runs`, { agent: 'echo', input: 'x' })).body;
    const found = { threadId, source: 'registry', tried: [{ source: 'registry', outcome: 'found' }] };

    expect(await resolved(runId)).toEqual({ runId, ...found });
    expect(await resolved(`thread_${runId}`)).toEqual({ runId: `thread_${runId}`, ...found });
    await alice.delete(`/api/threads/${threadId}`);
    expect(await resolved(runId)).toMatchObject({ threadId, source: 'registry', tried: [{ outcome: 'found' }] });
    expect(await counted('registry')).toBe(3);
  });

  it('is known by the engine where the registry does not tell', async () => {
    const client = await scripted.server.ready('alice');
    const threadId = await newThread(client);
    const { runId } = await scripted.run(client, () => new Promise(() => undefined), { threadId });
    scripted.storage.before('runs.get', () => Promise.reject(new ThreadcastError('storage_unavailable')));

    expect(await resolved(String(runId))).toMatchObject({
      ...{ threadId, source: 'engine' },
      tried: [
        { source: 'registry', outcome: 'failed' },
        { source: 'engine', outcome: 'found' },
      ],
    });
    expect(await counted('engine')).toBe(1);
    scripted.storage.before('runs.get', null);
    await client.ask('stop_agent', { runId });
    expect(scripted.server.get(RunEngine).threadOf(runId as never)).toBeNull();
  });

  it('is told of a thread that a connection follows, for exactly as long as it does', async () => {
    const client = await scripted.server.ready('alice');
    const threadId = await newThread(client);
    expect(await resolved(threadId)).toMatchObject({ threadId: null, source: null });
    await client.ask('subscribe_thread', { threadId });
    expect(await resolved(threadId)).toEqual({
      ...{ runId: threadId, threadId, source: 'connection' },
      tried: [
        { source: 'registry', outcome: 'not_found' },
        { source: 'engine', outcome: 'not_found' },
        { source: 'connection', outcome: 'found' },
      ],
    });
    await client.ask('unsubscribe_thread', { threadId });

    expect(await resolved(threadId)).toMatchObject({ threadId: null, source: null });
    expect(await counted('connection')).toBe(1);
  });

  it.each(VECTORS)('is read from $runId: $threadId', async ({ runId, threadId }) => {
    const before = ['registry', 'engine', 'connection'].map((source) => ({ source, outcome: 'not_found' }));
    if (threadId === null) {
      expect(await resolved(runId)).toEqual({
        ...{ runId, threadId: null, source: null },
        tried: [...before, { source: 'format', outcome: 'invalid_id', detail: expect.any(String) }],
      });
      expect(await counted('none')).toBe(1);
      return;
    }
    expect(await resolved(runId)).toEqual({
      ...{ runId, threadId: null, source: null },
      tried: [...before, { source: 'format', outcome: 'thread_not_found' }],
    });
    // What was not found is not remembered either.
    await alice.thread({ threadId });
    expect(await resolved(runId)).toEqual({
      ...{ runId, threadId, source: 'format' },
      tried: [...before, { source: 'format', outcome: 'found' }],
    });
    expect(await counted('format')).toBe(1);
    await alice.delete(`/api/threads/${threadId}`);
    expect(await resolved(runId)).toMatchObject({ threadId: null, source: null });
  });

  it.each([
    ['no id', ''],
    ['an empty one', '?runId='],
    ['two', '?runId=a&runId=b'],
    ['one without end', `?runId=${'thread_'.repeat(1_000)}`],
  ])('is answered also where %s is given', async (_what, query) => {
    const { status, body } = await admin.get(`/debug/resolve${query}`);

    expect({ status, body }).toMatchObject({ status: 200, body: { threadId: null, source: null } });
    expect(body.tried).toHaveLength(4);
    expect(String(body.runId).length).toBeLessThan(1_100);
  });

  it('is for administrators, and nothing is looked up before that is known', async () => {
    const looked: string[] = [];
    scripted.storage.before('runs.get', async () => void looked.push('runs.get'));
    const path = '/debug/resolve?runId=thread_x_run_1_1';
    const producer = await ApiCaller.of(scripted.server, 'machine', ['producer']);

    expect(await alice.get(path)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await producer.get(path)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect((await fetch(`${scripted.server.url}${path}`)).status).toBe(401);
    expect(looked).toEqual([]);
    expect((await admin.get(path)).status).toBe(200);
    expect(looked).toEqual(['runs.get']);
  });
});
