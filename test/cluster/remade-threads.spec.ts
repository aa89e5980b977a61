import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { RunEngine } from '../../src/agents/index.js';
import { Bus } from '../../src/cluster/index.js';
import type { RunId } from '../../src/ids/index.js';
import { Storage } from '../../src/storage/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { eventually } from '../e2e/gateway-kit.js';
import { Fleet, type FleetNode } from './fleet.js';

const SILENT = { agent: 'echo', input: { text: 'a', stallAfter: 0 } };

describe('A thread that was deleted on one node, unheard, and made again on the other', () => {
  const threadId = 'thread_again';
  let fleet: Fleet;
  let a: FleetNode;
  let b: FleetNode;
  let alice: TestClient;
  /** Of the log that was deleted. */
  let old: RunId;

  beforeEach(async () => {
    fleet = new Fleet();
    a = await fleet.node({ env: { CONTEXT_TIMEOUT_MS: '60000', SHUTDOWN_GRACE_MS: '100' } });
    b = await fleet.node({ env: { SHUTDOWN_GRACE_MS: '100' } });
    alice = await a.server.ready('alice');
    await alice.ask('create_thread', { threadId });
    await alice.ask('subscribe_thread', { threadId, after: 0 });
    old = (await alice.ask('start_agent', { threadId, ...SILENT })).runId as RunId;
    await alice.next('tool_completed', of(old));
    b.redis.cut();
    await eventually('Redis is lost', () => b.server.get(Bus).state === 'lost');
    await b.server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
    expect((await alice.ask('create_thread', { threadId })).duplicate).toBe(false);
  });

  afterEach(() => fleet.close());

  const of = (runId: unknown) => (data: object) => (data as { runId?: unknown }).runId === runId;
  const engine = (): RunEngine => a.server.get(RunEngine);
  const oldIsGone = (): Promise<void> => eventually('the old run is gone', () => !engine().has(old));

  it('keeps the runs of the new log, and ends those of the old one', async () => {
    const { runId } = await alice.ask('start_agent', { threadId, ...SILENT });
    await oldIsGone();
    expect(engine().has(runId as RunId)).toBe(true);
    expect(await a.server.metrics.value('threadcast_agents_runs_total', { outcome: 'cancelled' })).toBe(1);
    expect((await alice.ask('stop_agent', { runId })).status).toBe('cancelled');
    expect(await b.server.get(Storage).runs.get(runId as RunId)).toMatchObject({ endReason: 'stopped' });
    expect(await b.server.get(Storage).runs.get(old)).toMatchObject({ status: 'cancelled', orphaned: true });
  });

  it('keeps a start over HTTP waiting that means the new log', async () => {
    const other = await a.server.ready('alice');
    const { connectionId } = await other.next('connection_accepted');
    const body = JSON.stringify({ content: 'hello', connectionId });
    const reply = a.server.fetch('alice', `/api/threads/${threadId}/messages`, { method: 'POST', body });
    await eventually('it waits', async () => {
      return (await a.server.metrics.value('threadcast_http_connection_waits', {})) === 1;
    });
    await alice.ask('start_agent', { threadId, agent: 'echo', input: 'b' });
    await oldIsGone();
    await other.ask('subscribe_thread', { threadId });
    expect(await (await reply).json()).toMatchObject({ associated: true });
  });
});
