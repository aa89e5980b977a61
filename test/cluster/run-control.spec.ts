import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import type { RunId } from '../../src/ids/index.js';
import { RunEngine } from '../../src/agents/index.js';
import { Storage } from '../../src/storage/index.js';
import type { TestClient, TestServer } from '../../src/testing/index.js';
import { turn } from './bus-nodes.js';
import { heard, isAttempt } from './patient-agent.js';
import { RunNodes, logOf, typesOf } from './run-nodes.js';

const SILENT = { agent: 'echo', input: { text: 'a', stallAfter: 0 } };
const PATIENT = { agent: 'patient', input: 'x' };

describe('Of two nodes, the other one', () => {
  let nodes: RunNodes;
  let a: TestServer;
  let b: TestServer;
  /** On the first node, and on the second. */
  let alice: TestClient;
  let bob: TestClient;
  let threadId: unknown;

  beforeEach(async () => {
    nodes = new RunNodes();
    await nodes.open();
  });

  afterEach(() => nodes.close());

  async function open(env: Readonly<Record<string, string>> = {}): Promise<void> {
    [a, b] = [
      await nodes.node({ SHUTDOWN_GRACE_MS: '100', ...env }),
      await nodes.node({ SHUTDOWN_GRACE_MS: '100', ...env }),
    ];
    [alice, bob] = [await a.ready('alice'), await b.ready('bob')];
    threadId = await shared();
  }

  /** A thread of both, which both follow. */
  async function shared(): Promise<unknown> {
    const made = (await alice.ask('create_thread', {})).threadId;
    await a.fetch('alice', `/api/threads/${String(made)}/members/bob`, { method: 'PUT' });
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId: made, after: 0 });
    return made;
  }

  const of = (runId: unknown) => (data: object) => (data as { runId?: unknown }).runId === runId;
  const attempt = (runId: unknown, n: number) => (event: object) => of(runId)(event) && isAttempt(event, n);
  const record = (runId: unknown) => b.get(Storage).runs.get(runId as RunId);

  it('stops a run, whose agent hears of it, and the next one of the thread begins', async () => {
    await open();
    const { runId } = await alice.ask('start_agent', { threadId, ...SILENT });
    const waits = await bob.ask('start_agent', { threadId, agent: 'echo', input: 'next' });
    expect(waits.status).toBe('queued');
    await bob.next('tool_completed', of(runId));
    expect((await bob.ask('stop_agent', { runId })).status).toBe('cancelled');
    await alice.next('agent_completed', of(waits.runId));
    expect(await typesOf(a, threadId, runId)).toEqual([
      'agent_started',
      'agent_thinking',
      'tool_executing',
      'tool_completed',
      'agent_cancelled',
    ]);
    // Its agent has been told, and the place is free.
    while (a.get(RunEngine).has(runId as RunId)) await turn();
  });

  it('answers what a run asks, as it was given and not as the log tells it', async () => {
    await open();
    const { runId } = await alice.ask('start_agent', { threadId, ...PATIENT });
    await bob.next('input_requested', of(runId));
    const value = { password: 'hunter2hunter2' };
    await bob.ask('provide_input', { runId, requestId: 'go', value });
    const received = await alice.next('input_received', of(runId));
    expect(JSON.stringify(received)).not.toContain('hunter2');
    expect(await record(runId)).toMatchObject({ node: expect.stringContaining('node_') });
    await alice.next('agent_completed', of(runId));
    expect(await record(runId)).toMatchObject({ status: 'completed' });
    expect(heard()).toContain(JSON.stringify(value));
  });

  it('interrupts a run, goes before its queue, and refuses or runs beside as it is asked', async () => {
    await open();
    const first = await alice.ask('start_agent', { threadId, ...SILENT });
    const queued = await alice.ask('start_agent', { threadId, agent: 'echo', input: 'queued' });
    const refused = await bob.request('start_agent', { threadId, agent: 'echo', input: 'no', policy: 'reject' });
    expect(refused.error?.code).toBe('run_in_progress');
    const beside = await bob.ask('start_agent', { threadId, agent: 'echo', input: 'beside', policy: 'parallel' });
    expect(beside.status).toBe('running');
    await alice.next('agent_completed', of(beside.runId));
    const urgent = await bob.ask('start_agent', { threadId, agent: 'echo', input: 'urgent', policy: 'interrupt' });
    expect([first.status, queued.status, urgent.status]).toEqual(['running', 'queued', 'running']);
    await alice.next('agent_completed', of(queued.runId));
    const log = (await logOf(b, threadId)).filter(({ type }) => type === 'agent_started' || type === 'agent_cancelled');
    expect(log.map(({ runId, type }) => [runId, type])).toEqual([
      [first.runId, 'agent_started'],
      [beside.runId, 'agent_started'],
      [first.runId, 'agent_cancelled'],
      [urgent.runId, 'agent_started'],
      [queued.runId, 'agent_started'],
    ]);
    expect(await record(first.runId)).toMatchObject({ endReason: 'interrupted' });
  });

  it('shares the limit of a user, who is one wherever they start', async () => {
    await open({ MAX_RUNS_PER_USER: '2' });
    const elsewhere = await b.ready('alice');
    const threads = await Promise.all([shared(), shared(), shared(), shared(), shared()]);
    const starts = await Promise.all(
      threads.map((thread, n) => (n % 2 === 0 ? alice : elsewhere).ask('start_agent', { threadId: thread, ...SILENT })),
    );
    const running = starts.filter(({ status }) => status === 'running');
    expect(running).toHaveLength(2);
    const others = await bob.ask('start_agent', { threadId, agent: 'echo', input: 'not mine' });
    expect(others.status).toBe('running');
    const queued = starts.filter(({ status }) => status === 'queued');
    for (const { runId } of running) await bob.ask('stop_agent', { runId });
    const begun = [await alice.next('agent_started', (data) => queued.some((one) => of(one.runId)(data)))];
    begun.push(await alice.next('agent_started', (data) => queued.some((one) => of(one.runId)(data))));
    await alice.fence();
    const underWay = await b.get(Storage).runs.underWayOf('alice');
    expect(underWay).toBe(2);
    for (const { runId } of begun) await bob.ask('stop_agent', { runId });
    await alice.next('agent_started', (data) => queued.some((one) => of(one.runId)(data)));
  });

  it('waits for nobody else’s starts, but for those of the same user, whose runs are counted one start after the other', async () => {
    await open();
    const own = await shared();
    const counting = new pg.Client({ connectionString: nodes.databaseUrl });
    await counting.connect();
    try {
      await counting.query('begin');
      const user = `hashtext('threadcast users ' || current_schema()), hashtext('alice')`;
      await counting.query(`select pg_advisory_xact_lock(${user})`);
      let status: unknown = null;
      const start = alice.ask('start_agent', { threadId: own, agent: 'echo', input: 'a' }).then((answer) => {
        status = answer.status;
      });
      const other = await bob.ask('start_agent', { threadId, agent: 'echo', input: 'b' });
      await bob.next('agent_completed', of(other.runId));
      expect(status).toBeNull();
      await counting.query('commit');
      await start;
      expect(status).toBe('running');
    } finally {
      await counting.end();
    }
  });

  it('begins what one that is full has no room for', async () => {
    await open({ MAX_RUNS: '1' });
    const first = await alice.ask('start_agent', { threadId: await shared(), ...SILENT });
    const second = await alice.ask('start_agent', { threadId: await shared(), ...SILENT });
    const third = await alice.ask('start_agent', { threadId: await shared(), ...SILENT });
    expect([first.status, second.status, third.status]).toEqual(['running', 'queued', 'queued']);
    await alice.next('agent_started', of(second.runId));
    const node = async (runId: unknown) => (await record(runId))?.node;
    expect(await node(second.runId)).not.toBe(await node(first.runId));
    expect(await node(third.runId)).toBeNull();
    await alice.ask('stop_agent', { runId: first.runId });
    await alice.next('agent_started', of(third.runId));
    expect(await node(third.runId)).toBe(await node(first.runId));
  });

  it('takes up at once what one that drains could not finish', async () => {
    await open();
    const patient = await alice.ask('start_agent', { threadId, ...PATIENT });
    await bob.next('input_requested', of(patient.runId));
    await a.stop();
    await bob.next('custom', attempt(patient.runId, 2));
    await bob.ask('provide_input', { runId: patient.runId, requestId: 'go', value: 'on' });
    await bob.next('agent_completed', of(patient.runId));
    expect(await record(patient.runId)).toMatchObject({ attempt: 2, status: 'completed' });
  });
});
