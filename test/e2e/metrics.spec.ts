import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../../src/errors/index.js';
import { METRICS } from '../../src/metrics/index.js';
import { Gate, TestServer, type TestClient } from '../../src/testing/index.js';
import { WatchedClock } from '../support/watched-clock.js';
import { eventually } from './gateway-kit.js';
import { ScriptedServer, newThread } from './scripted-server.js';
import { moved, scrape, type Samples } from './scrape.js';

let clock: WatchedClock;
let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

const read = (): Promise<Samples> => scrape(scripted.server.metrics);

/** What moved while this was done: every sample of the server. */
async function during(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await read();
  await work();
  return moved(before, await read());
}

/** What so many commits move, beside what was committed. */
const commits = (count: number): Record<string, unknown> => ({
  'storage_commits_total{outcome="committed"}': count,
  storage_commit_seconds_count: count,
  threads_batch_jobs_count: count,
  threads_batch_jobs_sum: count,
  threads_batch_bytes_count: count,
  threads_batch_bytes_sum: expect.any(Number),
});

/** What these requests move, each answered `ok`. */
const requests = (counts: Readonly<Record<string, number>>) => {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    ...Object.fromEntries(
      Object.entries(counts).map(([type, count]) => [`gateway_requests_total{request="${type}",outcome="ok"}`, count]),
    ),
    'gateway_routing_total{outcome="handled"}': total,
    gateway_request_seconds_count: total,
  };
};

beforeEach(async () => {
  clock = new WatchedClock();
  scripted = await ScriptedServer.start({ clock });
  const { server } = scripted;
  clock.advance(500);
  alice = await server.ready('alice');
  bob = await server.ready('bob');
  threadId = await newThread(alice);
  await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
  await eventually('the answer is counted', async () =>
    [...(await read()).keys()].some((name) => name.includes('members')),
  );
});

afterEach(() => clock.during(scripted.close()));

describe('GET /metrics', () => {
  it('has every metric of the catalogue, and the process', async () => {
    const text = await (await fetch(`${scripted.server.url}/metrics`)).text();

    const told = [...text.matchAll(/^# TYPE (threadcast_\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]);
    expect(Object.fromEntries(told)).toEqual(
      Object.fromEntries(Object.entries(METRICS).map(([name, { kind }]) => [name, kind])),
    );
    for (const name of [
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_gc_duration_seconds',
    ])
      expect(text).toContain(`\n# TYPE ${name} `);
  });

  it('moves by exactly what a connection does until it is ready', async () => {
    const { server, storage } = scripted;
    const commit = storage.holdNext('transact');
    const moves = await during(async () => {
      const late = server.connect({ auth: { threadId } });
      await late.next('connection_accepted');
      clock.advance(200);
      const held = late.ask('create_thread', {});
      await eventually('it is held', async () => (await read()).get('gateway_held_requests') === 1);
      clock.advance(100);
      expect((await read()).get('gateway_oldest_held_seconds')).toBe(0.1);
      await late.ask('authenticate', { token: await server.token('bob') });
      await commit.reached;
      clock.advance(40);
      commit.release();
      await held;
    });

    expect(moves).toEqual({
      gateway_accepted_total: 1,
      'gateway_connections{state="ready"}': 1,
      'gateway_connection_attempts_total{outcome="ready"}': 1,
      'gateway_authentications_total{outcome="ok"}': 1,
      gateway_authenticated_seconds_count: 1,
      gateway_authenticated_seconds_sum: 0.3,
      gateway_ready_seconds_count: 1,
      gateway_ready_seconds_sum: 0.3,
      gateway_first_association_seconds_count: 1,
      gateway_first_association_seconds_sum: 0.3,
      'gateway_associations_total{outcome="ok"}': 1,
      gateway_held_requests_total: 1,
      gateway_held_seconds_count: 1,
      gateway_held_seconds_sum: 0.1,
      ...requests({ create_thread: 1, authenticate: 1 }),
      gateway_request_seconds_sum: 0.14,
      delivery_channels: 1,
      'delivery_attachments{state="live"}': 1,
      ...commits(1),
      storage_commit_seconds_sum: 0.04,
    });
  });

  it('moves by exactly what is refused, and why', async () => {
    const { server } = scripted;
    const moves = await during(async () => {
      await bob.request('switch_thread', { threadId: 'thread_nowhere' });
      await bob.request('shout', {});
      await bob.request('user_message', {});
      const mallory = server.connect({ auth: { token: 'forged' } });
      await mallory.next('disconnect');
    });

    expect(moves).toEqual({
      'gateway_requests_total{request="switch_thread",outcome="thread_not_found"}': 1,
      'gateway_requests_total{request="unknown",outcome="unknown_request"}': 1,
      'gateway_requests_total{request="user_message",outcome="invalid_payload"}': 1,
      'gateway_routing_total{outcome="refused"}': 3,
      gateway_request_seconds_count: 3,
      'gateway_associations_total{outcome="refused"}': 1,
      'delivery_refused_followings_total{code="thread_not_found"}': 1,
      gateway_accepted_total: 1,
      'gateway_authentications_total{outcome="unauthenticated"}': 1,
      'gateway_connection_attempts_total{outcome="unauthenticated"}': 1,
      'gateway_closed_total{reason="unauthenticated"}': 1,
    });
  });

  it('moves by exactly what a run appends and delivers', async () => {
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId });
    const gate = new Gate();
    const moves = await during(async () => {
      await scripted.run(
        alice,
        async ({ emit }) => {
          await gate.opened;
          for (let n = 0; n < 3; n += 1) await emit('custom', { name: 'n', value: n });
        },
        { threadId },
      );
      const working = await read();
      expect(working.get('agents_runs{state="running"}')).toBe(1);
      gate.open();
      for (const client of [alice, bob]) await client.next('agent_completed');
    });

    // What turn after turn brings goes out in fewer pieces than it was appended in.
    const { delivery_latency_seconds_count: handedOut, ...exact } = moves;
    expect(handedOut).toBeGreaterThanOrEqual(2);
    expect(handedOut).toBeLessThanOrEqual(5);
    expect(exact).toEqual({
      'agents_runs_total{outcome="completed"}': 1,
      agents_wait_seconds_count: 1,
      'threads_appended_events_total{type="agent_started"}': 1,
      'threads_appended_events_total{type="custom"}': 3,
      'threads_appended_events_total{type="agent_completed"}': 1,
      'delivery_events_total{way="live"}': 10,
      // Until a heartbeat shows that the end has come.
      delivery_notices_in_hand: 1,
      'gateway_associations_total{outcome="ok"}': 1,
      gateway_first_association_seconds_count: 1,
      ...requests({ start_agent: 1 }),
      ...commits(6),
    });
  });

  it('tells how long an append took to its delivery', async () => {
    await bob.ask('subscribe_thread', { threadId });
    const commit = scripted.storage.holdNext('transact', 'after');
    const moves = await during(async () => {
      const renamed = scripted.server.fetch('alice', `/api/threads/${threadId}`, {
        method: 'PATCH',
        body: JSON.stringify({ title: 'Metrics' }),
      });
      await commit.reached;
      clock.advance(30);
      commit.release();
      await renamed;
      await bob.next('thread_updated');
    });

    expect(moves).toMatchObject({
      delivery_latency_seconds_count: 1,
      delivery_latency_seconds_sum: 0.03,
      storage_commit_seconds_sum: 0.03,
    });
  });

  it('tells live from replayed, merged and unfollowed events', async () => {
    const unseen = await newThread(alice);
    const moves = await during(async () => {
      const text = scripted.script.keep(async ({ write }) => {
        for (const word of ['one ', 'two ', 'three']) await write(word);
      });
      const run = { agent: 'script', input: text };
      await scripted.server.fetch('alice', `/api/threads/${unseen}/runs`, {
        method: 'POST',
        body: JSON.stringify(run),
      });
      await eventually(
        'the run is over',
        async () => (await read()).get('agents_runs_total{outcome="completed"}') === 1,
      );
      await alice.ask('subscribe_thread', { threadId: unseen, after: 0 });
      await alice.next('thread_caught_up');
    });

    expect(moves).toMatchObject({
      'threads_appended_events_total{type="agent_delta"}': 3,
      delivery_unfollowed_events_total: 5,
      'delivery_events_total{way="replay"}': 3,
      delivery_merged_events_total: 2,
      'delivery_attachments{state="live"}': 1,
    });
    expect(moves).not.toHaveProperty(['delivery_events_total{way="live"}']);
    expect(moves).not.toHaveProperty('delivery_latency_seconds_count');
  });

  it('tells the requests in hand, and how long a failing association was tried again', async () => {
    const { storage } = scripted;
    storage.before('threads.access', async () => {
      storage.before('threads.access', null);
      throw new ThreadcastError('storage_unavailable');
    });
    const moves = await during(async () => {
      const switched = alice.ask('switch_thread', { threadId });
      await clock.timer(100);
      expect((await read()).get('gateway_requests_in_hand')).toBe(1);
      clock.advance(100);
      await switched;
    });

    expect(moves).toEqual({
      ...requests({ switch_thread: 1 }),
      gateway_request_seconds_sum: 0.1,
      gateway_association_retries_total: 1,
      gateway_grace_seconds_count: 1,
      gateway_grace_seconds_sum: 0.1,
      'gateway_associations_total{outcome="ok"}': 1,
      'delivery_refused_followings_total{code="storage_unavailable"}': 1,
      gateway_first_association_seconds_count: 1,
      gateway_first_association_seconds_sum: 0.1,
      delivery_channels: 1,
      'delivery_attachments{state="live"}': 1,
    });
  });

  it('of two servers in one process each counts its own', async () => {
    const other = await TestServer.start();
    const before = await read();
    await other.ready('carol');

    expect((await scrape(other.metrics)).get('gateway_accepted_total')).toBe(1);
    expect(moved(before, await read())).toEqual({});
    await other.close();
  });
});

describe('The delivery success ratio', () => {
  const MINUTE_AND_A_HALF = 90_000;
  const sums = async () => {
    const samples = await read();
    return ['delivery_owed_events_total', 'delivery_acknowledged_events_total', 'delivery_success_ratio'].map((name) =>
      samples.get(name),
    );
  };
  const append = async (count: number): Promise<void> => {
    await scripted.run(
      alice,
      async ({ emit }) => {
        for (let n = 0; n < count - 2; n += 1) await emit('custom', { name: 'n', value: n });
      },
      { threadId },
    );
    for (const client of [alice, bob]) await client.next('agent_completed');
  };

  beforeEach(async () => {
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId });
    await append(5);
  });

  it('is of those who acknowledge alone', async () => {
    clock.advance(MINUTE_AND_A_HALF);
    expect(await sums()).toEqual([0, 0, 1]);

    await alice.ask('ack_events', { threadId, seq: 6 });
    expect(await sums()).toEqual([5, 5, 1]);
    clock.advance(MINUTE_AND_A_HALF);
    expect(await sums()).toEqual([5, 5, 1]);
  });

  it('falls for events that stay unacknowledged, and rises when they are after all', async () => {
    await alice.ask('ack_events', { threadId, seq: 6 });
    await bob.ask('ack_events', { threadId, seq: 4 });
    expect(await sums()).toEqual([8, 8, 1]);

    clock.advance(MINUTE_AND_A_HALF);
    expect(await sums()).toEqual([10, 8, 0.8]);
    await bob.ask('ack_events', { threadId, seq: 6 });
    await bob.ask('ack_events', { threadId, seq: 5 });
    expect(await sums()).toEqual([10, 10, 1]);
  });

  it('does not hold what is not due against a connection that has gone', async () => {
    await bob.ask('ack_events', { threadId, seq: 2 });
    clock.advance(MINUTE_AND_A_HALF / 3);
    bob.close();
    await eventually('bob is gone', async () => (await read()).get('gateway_connections{state="ready"}') === 1);
    clock.advance(MINUTE_AND_A_HALF);

    expect(await sums()).toEqual([1, 1, 1]);
  });

  it('looks back five minutes', async () => {
    await bob.ask('ack_events', { threadId, seq: 4 });
    clock.advance(MINUTE_AND_A_HALF);
    expect(await sums()).toEqual([5, 3, 0.6]);
    clock.advance(5 * 60_000);
    expect(await sums()).toEqual([5, 3, 1]);
  });
});
