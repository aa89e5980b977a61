import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Storage } from '../../src/storage/index.js';
import { TestServer, checkContiguous, type TestClient } from '../../src/testing/index.js';
import { eventually, hold, requestCount } from './gateway-kit.js';

describe('Requests of one connection', () => {
  let server: TestServer;
  let alice: TestClient;

  beforeEach(async () => {
    server = await TestServer.start({ env: { SHUTDOWN_GRACE_MS: '1000', RATE_LIMIT_BURST: '5000' } });
    alice = await server.ready('alice');
  });

  afterEach(() => server.close());

  /** A run that is under way and will not end by itself. */
  const stalledRun = async (client: TestClient) => {
    const answer = await client.ask('user_message', {
      content: 'one two three',
      metadata: { echo: { stallAfter: 1 } },
    });
    await client.next('agent_delta');
    return answer as unknown as { threadId: string; runId: string };
  };

  it('are answered in the order sent, whatever they ask', async () => {
    const order: number[] = [];
    const requests: [string, object?][] = [
      ['create_thread', { threadId: 'thread_a' }],
      ['ping'],
      ['switch_thread', { threadId: 'thread_a' }],
      ['user_message', { content: 'hello' }],
      ['hello'],
      ['get_thread_history', { threadId: 'thread_a' }],
      ['switch_thread', { threadId: 'thread_nowhere' }],
      ['unsubscribe_thread', { threadId: 'thread_a' }],
      ['ping'],
    ];
    const answers = requests.map(([type, payload], index) =>
      alice.request(type, payload).then((answer) => {
        order.push(index);
        return answer;
      }),
    );
    const settled = await Promise.all(answers);

    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(settled.map(({ ok }) => ok)).toEqual([true, true, true, true, false, true, false, true, true]);
    expect(settled[5]!['head']).toBeGreaterThanOrEqual(1);
  });

  it('wait for one that is slow; those of other connections do not', async () => {
    await alice.ask('create_thread', { threadId: 'thread_a' });
    const [bob, tab] = await Promise.all([server.ready('bob'), server.ready('alice')]);
    const pingsBefore = await requestCount(server, 'ping', 'ok');
    const access = hold(server.get(Storage).threads, 'access');
    const slow = alice.request('switch_thread', { threadId: 'thread_a' });
    await access.arrived();
    const ping = alice.request('ping');
    await Promise.all([bob.fence(), tab.fence()]);
    expect(await requestCount(server, 'ping', 'ok')).toBe(pingsBefore + 2);
    access.release();

    expect(await Promise.all([slow, ping])).toMatchObject([{ ok: true }, { ok: true }]);
  });

  it('do not overtake each other by the hundred', async () => {
    const contents = Array.from({ length: 300 }, (_, n) => `message ${n}`);
    await alice.ask('create_thread', { threadId: 'thread_a' });
    await alice.ask('switch_thread', { threadId: 'thread_a' });
    const seqs: number[] = [];
    for (let sent = 0; sent < contents.length; sent += 50) {
      const answers = contents
        .slice(sent, sent + 50)
        .map((content) => alice.ask('user_message', { content, policy: 'parallel' }));
      for (const { seq } of await Promise.all(answers)) seqs.push(seq as number);
    }
    await eventually('all are here', () => alice.names().filter((n) => n === 'message_created').length === 300);
    const said = alice.events('thread_a').filter((event) => event.type === 'message_created');

    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(said.map((event) => (event.data as { content: string }).content)).toEqual(contents);
  });

  it('are served during a run: ping, history, switch, another message', async () => {
    const { threadId } = await stalledRun(alice);
    await alice.fence();
    expect(await alice.ask('get_thread_history', { threadId })).toMatchObject({ ok: true });
    await alice.ask('create_thread', { threadId: 'thread_b' });
    expect(await alice.ask('switch_thread', { threadId: 'thread_b' })).toMatchObject({ previousThreadId: threadId });
    const queued = await alice.ask('user_message', { threadId, content: 'later' });

    expect(queued).toMatchObject({ threadId, status: 'queued' });
  });

  it('stop a run that is under way, and the run ends once', async () => {
    const { threadId, runId } = await stalledRun(alice);
    expect(await alice.ask('stop_agent', { runId, reason: 'enough' })).toEqual({
      ok: true,
      runId,
      status: 'cancelled',
    });
    expect(await alice.next('agent_cancelled')).toMatchObject({ runId, data: { reason: 'enough' } });
    expect(await alice.ask('stop_agent', { runId })).toMatchObject({ status: 'cancelled' });
    await alice.fence();

    const ends = alice.events(threadId).filter(({ type }) => /^agent_(completed|error|cancelled)$/u.test(type));
    expect(ends).toHaveLength(1);
    checkContiguous(alice.events(threadId));
  });

  it('stop a run sent right behind the message that starts it, in one go', async () => {
    const started = alice.request('user_message', { content: 'a b', metadata: { echo: { stallAfter: 1 } } });
    const { threadId, runId } = await started;
    const [stopped, ping] = await Promise.all([alice.request('stop_agent', { runId }), alice.request('ping')]);

    expect([stopped, ping]).toMatchObject([{ ok: true, status: 'cancelled' }, { ok: true }]);
    await alice.next('agent_cancelled');
    checkContiguous(alice.events(threadId));
  });

  it('of a second user do not reach the run', async () => {
    const bob = await server.ready('bob');
    const { runId } = await stalledRun(alice);

    expect(await bob.request('stop_agent', { runId })).toMatchObject({ error: { code: 'run_not_found' } });
    await alice.fence();
    expect(alice.names()).not.toContain('agent_cancelled');
  });
});
