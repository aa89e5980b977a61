import { afterEach, describe, expect, it } from '@jest/globals';

import { parseThreadId } from '../ids/index.js';
import { ExternalBench, type AskedRegistration } from '../testing/external-bench.js';
import type { RunsBench, RunsBenchOptions } from '../testing/runs-bench.js';
import { ThreadsService, type ExternalEvent } from '../threads/index.js';
import { ExternalRuns } from './index.js';

let scene: ExternalBench;
let bench: RunsBench;

afterEach(() => bench.close());

async function open(options: RunsBenchOptions = {}): Promise<void> {
  scene = await ExternalBench.open(options);
  bench = scene.bench;
}

const word: ExternalEvent = { type: 'agent_delta', data: { messageId: 'm', text: 'word' }, eventId: null };
const completed: ExternalEvent = { type: 'agent_completed', data: { content: 'word' }, eventId: null };

describe('Runs of other processes', () => {
  it('are outside of the limits for runs of this one', async () => {
    await open({ agents: { maxRuns: 1, maxRunsPerUser: 1 } });
    const busy = await bench.do(() => new Promise(() => undefined));
    const threadId = await bench.thread();
    const external = [await scene.register(), await scene.register({ policy: 'queue', threadId })];
    const next = await scene.register({ policy: 'queue', threadId });
    expect(external.map(({ status }) => status)).toEqual(['running', 'running']);
    await scene.append(external[1]!.runId, completed);
    await bench.fence();
    expect(await scene.states(next)).toEqual(['running']);
    const { run: waiting, state: told } = await bench.start({ message: 'waits' });
    expect(told).toBe('queued');
    await bench.engine.stop('ada', busy.run.runId);

    expect((await bench.ended(waiting.runId)).type).toBe('agent_completed');
  });

  it.each([
    ['in all', { maxExternalRuns: 2 }, {}],
    ['of one user', { maxExternalRunsPerUser: 2 }, {}],
    ['on one thread', { maxExternalRunsPerThread: 2 }, { threadId: parseThreadId('thread_x') }],
  ])('are bounded %s, also those that nobody has registered', async (_what, agents, asked: AskedRegistration) => {
    await open({ agents });
    const { app } = bench;
    const full = expect.objectContaining({ code: 'run_queue_full', retryAfterMs: 1_000 });
    if (asked.threadId !== undefined) await bench.thread('ada', asked.threadId);
    const ofUser = 'maxExternalRunsPerUser' in agents;
    const first = await scene.register(asked);
    const both = await Promise.allSettled([scene.register(asked), scene.register(asked)]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(both[1]).toMatchObject({ reason: full });
    const guessed = (): Promise<unknown> => scene.append(`${first.threadId}_run_1_abc`, word);
    if (ofUser) await scene.register({ userId: 'bob', threadId: await bench.thread('bob') });
    else await expect(guessed()).rejects.toMatchObject({ code: 'run_queue_full' });
    // What is known is appended to, and what ends makes room.
    await scene.append(first.runId, word, completed);
    if (ofUser) await scene.register(asked);
    else await guessed();
    await expect(app.get(ExternalRuns).append(first.runId, 'x', [word])).rejects.toMatchObject({ code: 'run_ended' });
    await expect(scene.register(asked)).rejects.toEqual(full);
  });

  it.each([
    ['in all', { maxExternalRuns: 2 }],
    ['on the thread', { maxExternalRunsPerThread: 2 }],
  ])('take no place for strangers, who learn nothing of how many are taken %s', async (_what, agents) => {
    await open({ agents });
    const threadId = await bench.thread();
    const stranger = { userId: 'eve', everyThread: false };
    const notFound = { status: 'rejected', reason: expect.objectContaining({ code: 'thread_not_found' }) };
    const given = [{ threadId, ...stranger }, { threadId, ...stranger }, { threadId }, { threadId }];
    const [one, other, ...own] = await Promise.allSettled(given.map((asked) => scene.register(asked)));
    expect([one, other]).toEqual([notFound, notFound]);
    expect(own.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    await expect(scene.register({ threadId, everyThread: false })).rejects.toMatchObject({ code: 'run_queue_full' });

    const nowhere = parseThreadId('thread_none');
    const asked = [{ threadId, ...stranger }, { threadId: nowhere, ...stranger }, { threadId: nowhere }];
    const answers = await Promise.allSettled(asked.map((registration) => scene.register(registration)));
    expect(answers).toEqual([notFound, notFound, notFound]);
  });

  it('that end in the commit of their registration keep no place', async () => {
    await open({ agents: { maxExternalRunsPerThread: 1 } });
    const threadId = await bench.thread();
    await bench.fence();
    const runs = bench.app.get(ExternalRuns);
    const commit = scene.storage.holdNext('transact', 'before');
    const fence = bench.thread();
    await commit.reached;
    const registered = scene.register({ threadId, policy: 'queue' });
    await scene.turn();
    const ended = bench.queue({ threadId, message: 'instead', policy: 'interrupt' });
    commit.release();
    await fence;
    const { runId } = await registered;
    const inner = await ended;
    expect(await bench.record(runId)).toMatchObject({ status: 'cancelled', endReason: 'interrupted' });
    bench.engine.dispatch(inner);
    await bench.ended(inner.runId);

    expect((await scene.register({ threadId, policy: 'queue' })).status).toBe('running');
    await expect(runs.append(runId, 'x', [word])).rejects.toMatchObject({ code: 'run_ended' });
  });

  it('that end with their thread are counted as cancelled, as are those of this process', async () => {
    await open();
    const { threadId } = await scene.register();
    await bench.do(() => new Promise(() => undefined), { threadId });
    await bench.queue({ threadId, message: 'not handed over' });
    await bench.app.get(ThreadsService).remove('ada', threadId);

    expect(await bench.metrics.value('threadcast_agents_runs_total', { outcome: 'cancelled' })).toBe(2);
  });
});
