import { afterEach, beforeEach, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { RunId, ThreadId } from '../../src/ids/index.js';
import type { RunPlace } from '../../src/storage/index.js';
import { PostgresStorage } from '../../src/storage/postgres/postgres-storage.js';
import { ALICE, BOB, makeThreads, newRun, write } from '../../src/testing/contract/storage-harness.js';
import { mayBegin } from '../../src/threads/run-admission.js';
import { WriteContext } from '../../src/threads/write-context.js';
import { PostgresSchemas } from './postgres-schemas.js';

const NODE = 'node_1';
const MAX_PER_USER = 2;

const schemas = new PostgresSchemas();
let storage: PostgresStorage;

beforeEach(async () => {
  storage = new PostgresStorage({ url: await schemas.make() });
  await storage.open();
});

afterEach(async () => {
  await storage.close();
  await schemas.remove();
});

const someRun = fc.record({
  thread: fc.nat(1),
  userId: fc.constantFrom(ALICE, BOB),
  status: fc.constantFrom('queued', 'queued', 'queued', 'running', 'waiting_input', 'completed'),
  policy: fc.constantFrom('queue', 'queue', 'interrupt', 'parallel', 'reject'),
  external: fc.constantFrom(false, false, false, true),
  position: fc.integer({ min: -2, max: 3 }),
  node: fc.constantFrom(null, null, null, NODE, 'node_2'),
});

it('what is looked for as ready is exactly what a transaction would let begin', async () => {
  let stories = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(someRun, { maxLength: 9 }), async (given) => {
      stories += 1;
      const threads = (await makeThreads(storage, `a${stories}`, `b${stories}`)) as [ThreadId, ThreadId];
      const runs = given.map(({ thread, userId, ...rest }, n) =>
        newRun(threads[thread as 0 | 1], n, { ...rest, userId: `${userId} ${stories}` }),
      );
      await write(storage, async (tx) => {
        for (const run of runs) await tx.runs.insert(run);
      });
      const waiting = runs.filter((run) => run.status === 'queued' && run.node === null);
      const judged = await write(storage, async (tx) => {
        const context = new WriteContext(tx, { givenAt: 0, spans: [] });
        const may: RunId[] = [];
        for (const run of waiting) {
          if (await mayBegin(context, run, { node: NODE, maxPerUser: MAX_PER_USER })) may.push(run.runId);
        }
        return may;
      });
      const ids = (found: { readonly runs: readonly RunPlace[] }) => found.runs.map((run) => run.runId).sort();
      const own = new Set(runs.map((run) => run.runId));
      const all = await storage.leases.ready({ after: 0 }, MAX_PER_USER, 10_000);
      expect(ids({ runs: all.runs.filter((run) => own.has(run.runId)) })).toEqual([...judged].sort());
      for (const threadId of threads) {
        const found = await storage.leases.ready({ threadId }, MAX_PER_USER, 100);
        expect(ids(found)).toEqual(judged.filter((runId) => runId.startsWith(`${threadId}_`)).sort());
      }
      for (const user of [ALICE, BOB]) {
        const userId = `${user} ${stories}`;
        const found = await storage.leases.ready({ userId }, MAX_PER_USER, 100);
        const expected = waiting.filter((run) => run.userId === userId && judged.includes(run.runId));
        expect(ids(found)).toEqual(ids({ runs: expected }));
      }
    }),
    { numRuns: 150 },
  );
});
