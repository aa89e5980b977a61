import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import { Takeover } from '../../src/agents/cluster/takeover.js';
import { Metrics } from '../../src/metrics/index.js';
import { Storage } from '../../src/storage/index.js';
import { TcpProxy, type TestServer } from '../../src/testing/index.js';
import { RunPlaces } from '../../src/threads/index.js';
import { turn } from './bus-nodes.js';
import { TEST_DATABASE_URL } from './database-url.js';
import { isAttempt } from './patient-agent.js';
import { query } from './postgres-schemas.js';
import { RunNodes, typesOf } from './run-nodes.js';

const PATIENT = { patienceMs: 40_000 };
const AT_ONCE = { SHUTDOWN_GRACE_MS: '100' };

describe('The lease of a node', () => {
  let nodes: RunNodes;

  beforeEach(async () => {
    nodes = new RunNodes();
    await nodes.open();
  });

  afterEach(() => nodes.close());

  const of = (runId: unknown) => (data: object) => (data as { runId?: unknown }).runId === runId;
  const nameOf = (server: TestServer): string => server.get(RunPlaces).node ?? '';

  /** When it ends, and whether it has ended, by the database. */
  async function lease(server: TestServer): Promise<{ end: string; over: boolean }> {
    const [row] = await query<{ end: string; over: boolean }>(
      'select expires_at::text as end, expires_at < clock_timestamp() as over from nodes where node = $1',
      [nameOf(server)],
      nodes.databaseUrl,
    );
    if (row === undefined) throw new Error('The node has no lease.');
    return row;
  }

  it('is kept while one of its connections is silent, and its runs go on', async () => {
    const { hostname, port } = new URL(TEST_DATABASE_URL);
    const proxy = await TcpProxy.start({ host: hostname, port: port === '' ? 5432 : Number(port) });
    try {
      const a = await nodes.node({ ...AT_ONCE, DATABASE_URL: proxy.through(nodes.databaseUrl) });
      const b = await nodes.node(AT_ONCE);
      const [alice, bob] = [await a.ready('alice', PATIENT), await b.ready('bob', PATIENT)];
      const { threadId } = await alice.ask('create_thread', {});
      await alice.ask('subscribe_thread', { threadId, after: 0 });
      const input = { text: 'w ', repeat: 100_000, delayMs: 20 };
      const { runId } = await alice.ask('start_agent', { threadId, agent: 'echo', input });
      await alice.next('agent_delta', of(runId));
      await proxy.at('request', 'insert into nodes', 'silence');
      let before = await lease(a);
      for (let renewals = 0; renewals < 3;) {
        const now = await lease(a);
        expect(now.over).toBe(false);
        if (now.end !== before.end) renewals += 1;
        before = now;
      }
      expect(await typesOf(b, threadId, runId)).not.toContain('agent_error');
      expect(await a.get(Metrics).text()).toMatch(/^threadcast_agents_failed_renewals_total [1-9]/m);
      bob.close();
    } finally {
      await proxy.close();
    }
  });

  it('that was renewed since somebody saw it over leaves its runs where they are', async () => {
    const [a, b] = [await nodes.node(AT_ONCE), await nodes.node(AT_ONCE)];
    const [alice, bob] = [await a.ready('alice', PATIENT), await b.ready('bob', PATIENT)];
    const { threadId } = await alice.ask('create_thread', {});
    await alice.ask('subscribe_thread', { threadId, after: 0 });
    const patient = await alice.ask('start_agent', { threadId, agent: 'patient', input: 'x', policy: 'parallel' });
    const silent = { agent: 'echo', input: { text: 'a', stallAfter: 0 }, policy: 'parallel' };
    const { runId } = await alice.ask('start_agent', { threadId, ...silent });
    await alice.next('input_requested', of(patient.runId));
    await alice.next('tool_completed', of(runId));
    const held = (await b.get(Storage).leases?.held(nameOf(a), 10)) ?? [];
    expect(held).toHaveLength(2);
    for (const run of held) await b.get(Takeover).take(run);
    expect(await b.get(Storage).leases?.held(nameOf(a), 10)).toEqual(held);
    expect(await typesOf(b, threadId, runId)).not.toContain('agent_error');
    await b.get(Storage).leases?.release(nameOf(a));
    for (const run of held) await b.get(Takeover).take(run);
    await alice.next('agent_error', of(runId));
    await alice.next('custom', (event) => of(patient.runId)(event) && isAttempt(event, 2));
    bob.close();
  });

  it('that cannot be renewed keeps it from beginning anything, and what it has goes on', async () => {
    const a = await nodes.node(AT_ONCE);
    const alice = await a.ready('alice', PATIENT);
    const { threadId } = await alice.ask('create_thread', {});
    await alice.ask('subscribe_thread', { threadId, after: 0 });
    const kept = await alice.ask('start_agent', { threadId, agent: 'patient', input: 'x', policy: 'parallel' });
    await alice.next('input_requested', of(kept.runId));
    const holder = new pg.Client({ connectionString: nodes.databaseUrl });
    await holder.connect();
    try {
      await holder.query('begin');
      await holder.query('select 1 from nodes where node = $1 for update', [nameOf(a)]);
      while (a.get(RunPlaces).free > 0) await turn();
      const waiting = await alice.ask('start_agent', { threadId, agent: 'echo', input: 'hi', policy: 'parallel' });
      await alice.ask('provide_input', { runId: kept.runId, requestId: 'go', value: 'on' });
      await alice.next('agent_completed', of(kept.runId));
      expect(await typesOf(a, threadId, waiting.runId)).toEqual([]);
      await holder.query('rollback');
      await alice.next('agent_completed', of(waiting.runId));
    } finally {
      await holder.end();
    }
  });
});
