import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../../ids/index.js';
import type { Storage, UserCursor } from '../../storage/index.js';
import {
  ALICE,
  append,
  BOB,
  CAROL,
  makeThread,
  newEvents,
  newRun,
  newThread,
  range,
  type StorageHarness,
  threadId,
  write,
} from './storage-harness.js';

/** What whoever looks into a server reads beside the rest: of all users of a thread, and of runs that have ended. */
export function oversightContract(name: string, harness: StorageHarness): void {
  describe(`${name}: oversight`, () => {
    let storage: Storage;
    let id: ThreadId;
    beforeEach(async () => {
      storage = await harness.open();
      id = await makeThread(storage, 'a');
      await append(storage, id, newEvents(9));
    });
    afterEach(() => harness.destroy());

    it('gives every user’s cursor with its time, page by page', async () => {
      await write(storage, async (tx) => {
        for (const [index, user] of [CAROL, ALICE, BOB, 'é'].entries()) {
          await tx.threads.acknowledge(id, user, index + 1, 2_000 + index);
        }
        await tx.threads.acknowledge(id, ALICE, 7, 3_000);
        await tx.threads.acknowledge(id, ALICE, 5, 4_000);
      });
      const seen: UserCursor[] = [];
      for (let page = await storage.threads.cursors(id, { after: null, limit: 3 }); page.length > 0;) {
        expect(page.length).toBeLessThanOrEqual(3);
        seen.push(...page);
        page = await storage.threads.cursors(id, { after: page.at(-1)!.userId, limit: 3 });
      }
      expect(seen).toHaveLength(4);
      expect(seen).toEqual(
        expect.arrayContaining([
          { userId: ALICE, seq: 7, time: 3_000 },
          { userId: BOB, seq: 3, time: 2_002 },
          { userId: CAROL, seq: 1, time: 2_000 },
          { userId: 'é', seq: 4, time: 2_003 },
        ]),
      );
      expect(await storage.threads.cursor(id, BOB)).toEqual({ userId: BOB, seq: 3, time: 2_002 });
      expect(await storage.threads.cursor(id, 'nobody')).toBeNull();
      expect(await storage.threads.cursor(threadId('none'), BOB)).toBeNull();
      expect(await storage.threads.cursors(threadId('none'), { after: null, limit: 3 })).toEqual([]);
    });

    it('remembers the last removal of each member, and forgets it with the thread', async () => {
      expect(await storage.threads.removal(id, BOB)).toBeNull();
      await write(storage, async (tx) => {
        await tx.threads.recordRemoval(id, BOB, { seq: 4, time: 2_000 });
        await tx.threads.recordRemoval(id, CAROL, { seq: 5, time: 2_500 });
        await tx.threads.recordRemoval(id, BOB, { seq: 8, time: 3_000 });
      });
      storage = await harness.reopen(storage);
      expect(await storage.threads.removal(id, BOB)).toEqual({ seq: 8, time: 3_000 });
      expect(await storage.threads.removal(id, CAROL)).toEqual({ seq: 5, time: 2_500 });
      await write(storage, (tx) => tx.threads.delete(id, 4_000));
      await write(storage, (tx) => tx.threads.create(newThread(id, { epoch: 'another' })));
      expect(await storage.threads.removal(id, BOB)).toBeNull();
      expect(await storage.threads.removal(threadId('none'), BOB)).toBeNull();
    });

    it('gives the last runs of a thread, ended or not, the one made last first', async () => {
      const other = await makeThread(storage, 'b');
      await write(storage, async (tx) => {
        for (const n of range(1, 5)) {
          await tx.runs.insert(newRun(id, n, { status: n % 2 === 0 ? 'completed' : 'queued', position: 10 - n }));
        }
        await tx.runs.insert(newRun(other, 6));
      });
      const latest = await storage.runs.latest(id, 3);
      expect(latest.map(({ runId, status }) => [runId, status])).toEqual(
        [5, 4, 3].map((n) => [newRun(id, n).runId, n % 2 === 0 ? 'completed' : 'queued']),
      );
      expect(latest[0]).toEqual((await storage.runs.activePlaces(id)).find(({ runId }) => runId === latest[0]?.runId));
      expect(await storage.runs.latest(threadId('none'), 3)).toEqual([]);
    });
  });
}
