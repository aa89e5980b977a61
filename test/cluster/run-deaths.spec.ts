import { afterEach, describe, expect, it } from '@jest/globals';

import type { EventEnvelope } from '../../src/protocol/index.js';
import { TestClient, checkContiguous } from '../../src/testing/index.js';
import { turn } from './bus-nodes.js';
import { Cluster } from './cluster.js';
import { isAttempt } from './patient-agent.js';
import { query } from './postgres-schemas.js';
import { signedToken } from './signed-token.js';

const PRELOAD = new URL('./with-patient-agent.ts', import.meta.url);
const ENDS = ['agent_completed', 'agent_error', 'agent_cancelled'];
/** What is promised of runs whose node is gone. */
const PATIENT = { patienceMs: 30_000 };
const SILENT = { agent: 'echo', input: { text: 'a', stallAfter: 0 } };

describe('Of runs whose node is gone', () => {
  let cluster: Cluster;

  afterEach(() => cluster.end());

  const of = (runId: unknown) => (data: object) => (data as { runId?: unknown }).runId === runId;
  const attempt = (runId: unknown, n: number) => (event: object) => of(runId)(event) && isAttempt(event, n);

  async function open(env: Readonly<Record<string, string>> = {}) {
    cluster = await Cluster.start({ preload: PRELOAD, env: { SHUTDOWN_GRACE_MS: '200', ...env } });
    const [alice, bob] = [await cluster.client(0, 'alice', PATIENT), await cluster.client(1, 'bob', PATIENT)];
    const { threadId } = await alice.ask('create_thread', {});
    const path = `/api/threads/${String(threadId)}/members/bob`;
    await cluster.node(0).fetch(path, await signedToken('alice'), { method: 'PUT' });
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId, after: 0 });
    return { alice, bob, threadId };
  }

  async function historyOf(client: TestClient, threadId: unknown): Promise<EventEnvelope[]> {
    const { events } = await client.ask('get_thread_history', { threadId, limit: 1_000 });
    return events as EventEnvelope[];
  }

  function endsOf(events: readonly EventEnvelope[], runId: unknown): string[] {
    return events.filter((event) => event.runId === runId && ENDS.includes(event.type)).map(({ type }) => type);
  }

  it('by kill -9, one that can goes on elsewhere, the other gets its end, and what waited begins', async () => {
    const { alice, bob, threadId } = await open();
    const patient = await alice.ask('start_agent', { threadId, agent: 'patient', input: 'x', policy: 'parallel' });
    const silent = await alice.ask('start_agent', { threadId, ...SILENT, policy: 'parallel' });
    const queued = await alice.ask('start_agent', { threadId, agent: 'echo', input: 'next' });
    await bob.next('input_requested', of(patient.runId));
    await bob.next('tool_completed', of(silent.runId));
    await cluster.node(0).kill();

    const interrupted = await bob.next('agent_error', of(silent.runId));
    expect(interrupted).toMatchObject({ data: { code: 'run_interrupted', retryable: true } });
    await bob.next('custom', attempt(patient.runId, 2));
    await bob.ask('provide_input', { runId: patient.runId, requestId: 'go', value: 'on' });
    await bob.next('agent_completed', of(patient.runId));
    await bob.next('agent_completed', of(queued.runId));
    const events = await historyOf(bob, threadId);
    for (const { runId } of [patient, silent, queued]) expect(endsOf(events, runId)).toHaveLength(1);
    checkContiguous(bob.events(threadId));
  });

  it('by a database that it alone has lost, it is fenced and told so, and nothing of it is appended any more', async () => {
    const { alice, bob, threadId } = await open({ RUN_STALL_MS: '120000' });
    const streaming = { agent: 'echo', input: { text: 'word ', repeat: 100_000, delayMs: 50 } };
    const patient = await alice.ask('start_agent', { threadId, agent: 'patient', input: 'x', policy: 'parallel' });
    const stream = await alice.ask('start_agent', { threadId, ...streaming, policy: 'parallel' });
    await bob.next('agent_delta', of(stream.runId));
    await bob.next('input_requested', of(patient.runId));
    cluster.node(0).postgres.cut();
    await bob.next('agent_error', of(stream.runId));
    await bob.next('custom', attempt(patient.runId, 2));
    cluster.node(0).postgres.restore();
    const lost = (): Promise<number> => cluster.node(0).metric('threadcast_agents_lost_runs_total');
    while ((await lost()) < 1) await turn();
    await bob.ask('provide_input', { runId: patient.runId, requestId: 'go', value: 'on' });
    await bob.next('agent_completed', of(patient.runId));
    const events = await historyOf(bob, threadId);
    for (const { runId } of [patient, stream]) {
      expect(endsOf(events, runId)).toHaveLength(1);
      const last = events.filter((event) => event.runId === runId).at(-1);
      expect(ENDS).toContain(last?.type);
    }
    // It serves again, and begins runs of its own.
    const again = await cluster.client(0, 'alice', PATIENT);
    const { runId } = await again.ask('start_agent', { threadId, agent: 'echo', input: 'back' });
    await bob.next('agent_completed', of(runId));
  });

  it('none is, after a database that all had lost for longer than a lease: each goes on where it was', async () => {
    const { alice, bob, threadId } = await open();
    const { runId } = await alice.ask('start_agent', { threadId, agent: 'patient', input: 'x' });
    await bob.next('input_requested', of(runId));
    for (const node of cluster.nodes) node.postgres.cut();
    const over = `select 1 from nodes where expires_at > clock_timestamp() - interval '5 seconds'`;
    while ((await query(over, [], cluster.databaseUrl)).length > 0) await turn();
    for (const node of cluster.nodes) node.postgres.restore();
    const answer = async (): Promise<boolean> => {
      const { ok, error } = await bob.request('provide_input', { runId, requestId: 'go', value: 'on' });
      expect(ok || error?.retryable).toBe(true);
      return ok;
    };
    while (!(await answer())) await turn();
    await bob.next('agent_completed', of(runId));
    const attempts = (await historyOf(bob, threadId)).filter(({ type }) => type === 'custom');
    expect(attempts).toHaveLength(1);
  });

  it('one of another process is watched by somebody else, who ends it when it is silent', async () => {
    const { bob, threadId } = await open({ RUN_STALL_MS: '20000' });
    const registered = await cluster
      .node(0)
      .fetch(`/api/threads/${String(threadId)}/runs`, await signedToken('alice'), {
        method: 'POST',
        body: JSON.stringify({ external: true, agent: 'remote' }),
      });
    const { runId } = (await registered.json()) as { runId: string };
    await cluster.node(0).kill();
    const end = await bob.next('agent_error', of(runId));
    expect(end).toMatchObject({ data: { code: 'run_stalled' } });
    expect(endsOf(await historyOf(bob, threadId), runId)).toEqual(['agent_error']);
  });
});

describe('While Redis is away', () => {
  let cluster: Cluster;

  afterEach(() => cluster.end());

  const of = (runId: unknown) => (data: object) => (data as { runId?: unknown }).runId === runId;

  it('runs begin once each, on any node, and those under way go on', async () => {
    cluster = await Cluster.start({ preload: PRELOAD, env: { MAX_RUNS: '3', SHUTDOWN_GRACE_MS: '200' } });
    const [alice, bob] = [await cluster.client(0, 'alice', PATIENT), await cluster.client(1, 'bob', PATIENT)];
    const thread = async (): Promise<unknown> => {
      const { threadId } = await alice.ask('create_thread', {});
      const path = `/api/threads/${String(threadId)}/members/bob`;
      await cluster.node(0).fetch(path, await signedToken('alice'), { method: 'PUT' });
      await bob.ask('subscribe_thread', { threadId, after: 0 });
      return threadId;
    };
    const kept = await alice.ask('start_agent', { threadId: await thread(), agent: 'patient', input: 'x' });
    const threads = await Promise.all(Array.from({ length: 8 }, thread));
    for (const node of cluster.nodes) node.redis.cut();
    // More than the first node has room for: the others are found by looking.
    const starts = await Promise.all(
      threads.map((threadId) =>
        alice.ask('start_agent', { threadId, agent: 'echo', input: { text: 'a b', delayMs: 200 } }),
      ),
    );
    for (const { runId } of starts) await bob.next('agent_completed', of(runId));
    await bob.ask('provide_input', { runId: kept.runId, requestId: 'go', value: 'on' });
    await bob.next('agent_completed', of(kept.runId));
    for (const { threadId, runId } of [...starts, kept]) {
      const { events } = await bob.ask('get_thread_history', { threadId, limit: 1_000 });
      const types = (events as EventEnvelope[]).filter((event) => event.runId === runId).map(({ type }) => type);
      expect(types.filter((type) => type === 'agent_started')).toHaveLength(1);
      expect(types.filter((type) => ENDS.includes(type))).toHaveLength(1);
    }
    const swept = await Promise.all(cluster.nodes.map((node) => node.metric('threadcast_agents_swept_runs_total')));
    expect(swept.reduce((sum, runs) => sum + runs, 0)).toBeGreaterThan(0);
    for (const node of cluster.nodes) node.redis.restore();
    const after = await bob.ask('start_agent', { threadId: threads[0], agent: 'echo', input: 'back' });
    await bob.next('agent_completed', of(after.runId));
  });
});
