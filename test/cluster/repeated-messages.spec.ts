import { afterEach, describe, expect, it } from '@jest/globals';

import type { TestAnswer, TestClient } from '../../src/testing/index.js';
import { Cluster } from './cluster.js';

const MESSAGES = 40;
/** Fewer than a user may have. */
const WAITING = 20;

type Pair = readonly [TestAnswer, TestAnswer];

interface Said {
  readonly type: string;
  readonly runId?: string;
  readonly data: { readonly messageId?: string };
}

describe('A message that is sent to two nodes at the same time', () => {
  let cluster: Cluster | null = null;
  afterEach(() => cluster?.end());

  it('is stored once and answered once in a thread', async () => {
    cluster = await Cluster.start();
    const [one, two] = [await cluster.client(0, 'alice'), await cluster.client(1, 'alice')];
    const bob = await cluster.client(1, 'bob');
    const { threadId } = await one.ask('create_thread', {});
    const pairs: Pair[] = [];
    for (let n = 0; n < MESSAGES; n += 1) pairs.push(await sendTwice([one, two], n, { threadId }));
    // Ids are of a user: bob's are his own.
    expect(await bob.ask('user_message', { content: 'mine', messageId: 'm-0' })).toMatchObject({ duplicate: false });
    await judge('in a thread', await cluster.client(1, 'alice'), pairs);
  }, 120_000);

  it('is stored once and answered once where it makes its thread', async () => {
    cluster = await Cluster.start();
    const pairs: Pair[] = [];
    for (let n = 0; n < MESSAGES; n += 1) {
      const newcomers = [await cluster.client(0, 'alice'), await cluster.client(1, 'alice')] as const;
      pairs.push(await sendTwice(newcomers, n));
      for (const client of newcomers) client.close();
    }
    await judge('that makes its thread', await cluster.client(0, 'alice'), pairs);
  }, 120_000);

  it('is stored once and answered once where it has to wait, since every place for a run is taken', async () => {
    cluster = await Cluster.start({ env: { MAX_RUNS: '1' } });
    const busy = [await cluster.client(0, 'alice'), await cluster.client(1, 'alice')] as const;
    const long = { agent: 'echo', input: { text: 'word ', repeat: 100_000, delayMs: 5 } };
    const taken: unknown[] = [];
    for (const client of busy) {
      const { threadId } = await client.ask('create_thread', {});
      taken.push((await client.ask('start_agent', { threadId, ...long }))['runId']);
      await client.next('agent_delta');
    }
    const pairs: Pair[] = [];
    for (let n = 0; n < WAITING; n += 1) {
      const newcomers = [await cluster.client(0, 'alice'), await cluster.client(1, 'alice')] as const;
      pairs.push(await sendTwice(newcomers, n));
      for (const client of newcomers) client.close();
    }
    expect(pairs.map(([first]) => first['status'])).toEqual(pairs.map(() => 'queued'));
    // Any node stops what any node runs.
    for (const [index, client] of busy.entries()) await client.ask('stop_agent', { runId: taken[1 - index] });
    await judge('that waits for a place', await cluster.client(0, 'alice'), pairs);
  }, 120_000);

  function sendTwice(clients: readonly [TestClient, TestClient], n: number, more: object = {}): Promise<Pair> {
    const message = { content: `message ${n}`, messageId: `m-${n}`, agent: 'echo', policy: 'queue', ...more };
    const [one, two] = clients;
    return Promise.all([one.request('user_message', message), two.request('user_message', message)]);
  }

  async function judge(title: string, client: TestClient, pairs: readonly Pair[]): Promise<void> {
    const threads = new Map<string, readonly Said[]>();
    for (const id of new Set(pairs.flat().map((answer) => String(answer['threadId'])))) {
      const own = pairs.filter(([first]) => first['threadId'] === id).length;
      threads.set(id, await ended(client, id, own));
    }
    const all = [...threads.values()].flat();
    const faults = { refused: 0, different: 0, doubleStarts: 0, missingEnds: 0, doubleMessages: 0 };
    for (const [n, [first, second]] of pairs.entries()) {
      if (!first.ok || !second.ok) faults.refused += 1;
      const same = ['threadId', 'runId', 'seq'].every((field) => first[field] === second[field]);
      if (!same || first['duplicate'] === second['duplicate']) faults.different += 1;
      const of = (type: string) => all.filter((said) => said.type === type && said.runId === first['runId']).length;
      if (of('agent_started') !== 1) faults.doubleStarts += 1;
      if (of('agent_completed') !== 1) faults.missingEnds += 1;
      const stored = all.filter(({ type, data }) => type === 'message_created' && data.messageId === `m-${n}`);
      if (stored.length !== 1) faults.doubleMessages += 1;
    }
    process.stdout.write(`one message on two nodes, ${title}, ${pairs.length} times: ${JSON.stringify(faults)}\n`);
    expect(faults).toEqual({ refused: 0, different: 0, doubleStarts: 0, missingEnds: 0, doubleMessages: 0 });
  }

  /** The log of a thread, once so many runs have ended there. */
  async function ended(client: TestClient, threadId: string, runs: number): Promise<readonly Said[]> {
    await client.ask('subscribe_thread', { threadId, after: 0 });
    for (let n = 0; n < runs; n += 1) await client.next('agent_completed', (data) => data['threadId'] === threadId);
    const { events } = await client.ask('get_thread_history', { threadId, limit: 1_000 });
    return events as readonly Said[];
  }
});
