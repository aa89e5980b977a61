import { afterEach, describe, expect, it } from '@jest/globals';

import type { TestAnswer, TestClient } from '../../src/testing/index.js';
import { Cluster } from './cluster.js';

const MESSAGES = 40;

interface Said {
  readonly type: string;
  readonly runId?: string;
  readonly data: { readonly messageId?: string };
}

describe('A message that is sent to two nodes at the same time', () => {
  let cluster: Cluster | null = null;
  afterEach(() => cluster?.end());

  it.each([
    ['in a thread', true],
    ['that makes its thread', false],
  ])(
    'is stored once and answered once, %s',
    async (_, known) => {
      cluster = await Cluster.start();
      const [one, two] = [await cluster.client(0, 'alice'), await cluster.client(1, 'alice')];
      const bob = await cluster.client(1, 'bob');
      const { threadId } = await one.ask('create_thread', {});
      const pairs: (readonly [TestAnswer, TestAnswer])[] = [];
      for (let n = 0; n < MESSAGES; n += 1) {
        const message = {
          content: `message ${n}`,
          messageId: `m-${n}`,
          agent: 'echo',
          policy: 'queue',
          ...(known && { threadId }),
        };
        pairs.push(await Promise.all([one.request('user_message', message), two.request('user_message', message)]));
      }
      // Ids are of a user: bob's are his own.
      expect(await bob.ask('user_message', { content: 'mine', messageId: 'm-0' })).toMatchObject({ duplicate: false });

      const threads = new Map<string, readonly Said[]>();
      for (const [first] of pairs) {
        const id = String(first['threadId']);
        if (!threads.has(id)) threads.set(id, await ended(two, id, known ? MESSAGES : 1));
      }
      const all = [...threads.values()].flat();
      const faults = { refused: 0, different: 0, doubleStarts: 0, missingEnds: 0, doubleMessages: 0 };
      for (const [n, pair] of pairs.entries()) {
        const [first, second] = pair;
        if (!first.ok || !second.ok) faults.refused += 1;
        const same = ['threadId', 'runId', 'seq'].every((field) => first[field] === second[field]);
        if (!same || first['duplicate'] === second['duplicate']) faults.different += 1;
        const of = (type: string) => all.filter((said) => said.type === type && said.runId === first['runId']).length;
        if (of('agent_started') !== 1) faults.doubleStarts += 1;
        if (of('agent_completed') !== 1) faults.missingEnds += 1;
        const stored = all.filter(({ type, data }) => type === 'message_created' && data.messageId === `m-${n}`);
        if (stored.length !== 1) faults.doubleMessages += 1;
      }
      process.stdout.write(`one message on two nodes, ${MESSAGES} times: ${JSON.stringify(faults)}\n`);
      expect(faults).toEqual({ refused: 0, different: 0, doubleStarts: 0, missingEnds: 0, doubleMessages: 0 });
    },
    120_000,
  );

  /** The log of a thread, once so many runs have ended there. */
  async function ended(client: TestClient, threadId: string, runs: number): Promise<readonly Said[]> {
    await client.ask('subscribe_thread', { threadId, after: 0 });
    for (let n = 0; n < runs; n += 1) await client.next('agent_completed', (data) => data['threadId'] === threadId);
    const { events } = await client.ask('get_thread_history', { threadId, limit: 1_000 });
    return events as readonly Said[];
  }
});
