import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../../ids/index.js';
import type { NewNotice, Notice, NoticeOutcome, Storage } from '../../storage/index.js';
import {
  ALICE,
  BOB,
  makeThreads,
  newThread,
  range,
  runId,
  type StorageHarness,
  threadId,
  write,
} from './storage-harness.js';

const [ONE, OTHER] = ['node_1', 'node_2'] as const;

/** The promises of `NotificationStore` and `NotificationStoreReader`, for any engine. */
export function notificationStoreContract(name: string, harness: StorageHarness): void {
  describe(`${name}: NotificationStore`, () => {
    let storage: Storage;
    let a: ThreadId;
    let b: ThreadId;
    beforeEach(async () => {
      storage = await harness.open();
      [a, b] = (await makeThreads(storage, 'a', 'b')) as [ThreadId, ThreadId];
    });
    afterEach(() => harness.destroy());

    const notice = (thread: ThreadId, seq: number, changes: Partial<NewNotice> = {}): Notice => ({
      threadId: thread,
      epoch: `epoch of ${thread}`,
      seq,
      runId: runId(thread, seq),
      userId: ALICE,
      type: 'agent_completed',
      time: 5_000 + seq,
      ...changes,
    });
    const add = (...notices: NewNotice[]) =>
      write(storage, async (tx) => {
        for (const one of notices) await tx.notifications.add(one);
      });
    const settle = (one: Notice, outcome: NoticeOutcome, now = 6_000) =>
      write(storage, (tx) => tx.notifications.settle(one, outcome, now));
    const prune = (before: number, limit = 100) => write(storage, (tx) => tx.notifications.prune(before, limit));
    const owed = async (): Promise<readonly Notice[]> =>
      (await storage.notifications.owed({ after: 0, limit: 100 })).notices;

    it('gives back a notice whole, as owed, also on the same data opened again', async () => {
      const hostile = `"; drop table threads; -- \u{1F600} ${'x'.repeat(200)}`;
      const one = notice(a, 7, { userId: hostile, type: 'input_requested', time: 1_756_919_162_904 });
      await add(one);
      storage = await harness.reopen(storage);
      expect(await storage.notifications.find(a, 7)).toEqual({ ...one, node: null, outcome: null, settledAt: null });
      expect(await owed()).toEqual([one]);
      expect(await storage.notifications.find(a, 8)).toBeNull();
      expect(await storage.notifications.find(b, 7)).toBeNull();
    });

    it('keeps the first notice of an event', async () => {
      await add(notice(a, 1), notice(a, 1, { userId: BOB }));
      await add(notice(a, 1, { userId: BOB, type: 'agent_error' }));
      expect(await owed()).toEqual([notice(a, 1)]);
    });

    it('takes none of a thread that does not exist', async () => {
      await add(notice(threadId('none'), 1));
      expect(await owed()).toEqual([]);
      await write(storage, (tx) => tx.threads.create(newThread(threadId('none'))));
      expect(await owed()).toEqual([]);
    });

    it('is part of its transaction', async () => {
      const failure = new Error('not after all');
      const rejected = write(storage, async (tx) => {
        await tx.notifications.add(notice(a, 1));
        expect(await tx.notifications.find(a, 1)).toMatchObject({ outcome: null });
        expect(await storage.notifications.find(a, 1)).toBeNull();
        throw failure;
      });
      await expect(rejected).rejects.toBe(failure);
      expect(await owed()).toEqual([]);
    });

    it('gives what is owed page by page, in the order in which it was added', async () => {
      const notices = range(1, 7).map((n) => notice(n % 2 === 0 ? a : b, 100 - n));
      await add(...notices);
      const seen: Notice[] = [];
      for (let after: number | null = 0; after !== null;) {
        const page = await storage.notifications.owed({ after, limit: 3 });
        expect(page.notices.length).toBeLessThanOrEqual(3);
        seen.push(...page.notices);
        after = page.next;
      }
      expect(seen).toEqual(notices);
      expect(await storage.notifications.owed({ after: 0, limit: 7 })).toEqual({ notices, next: null });
    });

    it('goes on behind a page although what it held is settled or gone meanwhile', async () => {
      const notices = [notice(a, 1), notice(b, 1), notice(a, 2), notice(b, 2)];
      await add(...notices);
      const { next } = await storage.notifications.owed({ after: 0, limit: 2 });
      await settle(notice(a, 1), 'received');
      await write(storage, (tx) => tx.threads.delete(b, 9_000));
      await add(notice(a, 3));
      const page = await storage.notifications.owed({ after: next ?? 0, limit: 2 });
      expect(page).toEqual({ notices: [notice(a, 2), notice(a, 3)], next: null });
    });

    it('settles a notice once: the first outcome stays', async () => {
      await add(notice(a, 1), notice(a, 2));
      expect(await settle(notice(a, 1), 'notified', 6_000)).toBe('notified');
      expect(await settle(notice(a, 1), 'given_up', 7_000)).toBe('notified');
      expect(await storage.notifications.find(a, 1)).toMatchObject({ outcome: 'notified', settledAt: 6_000 });
      expect(await owed()).toEqual([notice(a, 2)]);
    });

    it('does not settle what is not there', async () => {
      expect(await settle(notice(a, 1), 'notified')).toBeNull();
      expect(await settle(notice(threadId('none'), 1), 'notified')).toBeNull();
    });

    it('settles by the cursor what is owed to that user of that thread up to there', async () => {
      await add(notice(a, 1), notice(a, 2, { userId: BOB }), notice(a, 3), notice(a, 4), notice(b, 1));
      await settle(notice(a, 1), 'told');
      await write(storage, (tx) => tx.notifications.acknowledge(a, ALICE, 3, 8_000));
      expect(await storage.notifications.find(a, 1)).toMatchObject({ outcome: 'told', settledAt: 6_000 });
      expect(await storage.notifications.find(a, 3)).toMatchObject({ outcome: 'acknowledged', settledAt: 8_000 });
      expect(await owed()).toEqual([notice(a, 2, { userId: BOB }), notice(a, 4), notice(b, 1)]);
    });

    const claim = (one: Notice, node: string) => write(storage, (tx) => tx.notifications.claim(one, node));
    const owedTo = async (node: string) => (await storage.notifications.owed({ after: 0, limit: 100, node })).notices;

    it('is claimed by whoever brings it, again and again, until it is settled or gone', async () => {
      await add(notice(a, 1));
      expect(await claim(notice(a, 1), ONE)).toBe(true);
      expect(await claim(notice(a, 1), ONE)).toBe(true);
      expect(await owedTo(ONE)).toEqual([notice(a, 1)]);
      expect(await claim(notice(a, 2), ONE)).toBe(false);
      expect(await claim(notice(a, 1, { epoch: 'another' } as Partial<NewNotice>), ONE)).toBe(false);
      await settle(notice(a, 1), 'received');
      expect(await claim(notice(a, 1), ONE)).toBe(false);
    });

    it('is one node’s of those that share the storage, as long as that node’s lease lasts', async () => {
      const { leases } = storage;
      await add(notice(a, 1), notice(a, 2), notice(a, 3));
      if (leases === null) {
        // One process’s: whatever it is called, it is the same one, or the one that came after it.
        expect([await claim(notice(a, 1), ONE), await claim(notice(a, 1), OTHER)]).toEqual([true, true]);
        return;
      }
      await leases.renew(ONE, 60_000);
      await leases.renew(OTHER, 60_000);
      expect(await claim(notice(a, 1), ONE)).toBe(true);
      expect(await claim(notice(a, 1), OTHER)).toBe(false);
      expect(await storage.notifications.find(a, 1)).toMatchObject({ node: ONE, outcome: null });
      expect(await owedTo(OTHER)).toEqual([notice(a, 2), notice(a, 3)]);
      expect(await owed()).toHaveLength(3);
      await leases.renew(ONE, 0);
      expect(await owedTo(OTHER)).toHaveLength(3);
      expect(await claim(notice(a, 1), OTHER)).toBe(true);
      await leases.renew(ONE, 60_000);
      expect(await claim(notice(a, 1), ONE)).toBe(false);
      expect(await claim(notice(a, 2), ONE)).toBe(true);
      await leases.release(ONE);
      expect(await claim(notice(a, 2), OTHER)).toBe(true);
      // A node of which nobody knows has no lease.
      expect(await claim(notice(a, 3), 'node_unknown')).toBe(true);
      expect(await claim(notice(a, 3), OTHER)).toBe(true);
    });

    it('forgets what was settled long ago, and never what is owed', async () => {
      await add(...range(1, 5).map((seq) => notice(a, seq)));
      for (const seq of range(1, 4)) await settle(notice(a, seq), 'received', 1_000 * seq);
      expect(await prune(3_000)).toBe(2);
      expect(await prune(3_000)).toBe(0);
      expect(await Promise.all(range(1, 5).map((seq) => storage.notifications.find(a, seq)))).toEqual([
        null,
        null,
        expect.objectContaining({ settledAt: 3_000 }),
        expect.objectContaining({ settledAt: 4_000 }),
        expect.objectContaining({ outcome: null }),
      ]);
    });

    it('forgets no more at once than it is asked to', async () => {
      await add(...range(1, 5).map((seq) => notice(a, seq)));
      for (const seq of range(1, 5)) await settle(notice(a, seq), 'received', 1_000);
      expect([await prune(2_000, 2), await prune(2_000, 2), await prune(2_000, 2)]).toEqual([2, 2, 1]);
    });

    it('loses its notices with the thread, and the one made again owes nothing of before', async () => {
      await add(notice(a, 1), notice(a, 2), notice(b, 1));
      await settle(notice(a, 2), 'received');
      await write(storage, (tx) => tx.threads.delete(a, 9_000));
      expect(await storage.notifications.find(a, 1)).toBeNull();
      expect(await owed()).toEqual([notice(b, 1)]);

      await write(storage, (tx) => tx.threads.create(newThread(a, { epoch: 'second' })));
      expect(await storage.notifications.find(a, 2)).toBeNull();
      await add(notice(a, 1));
      expect(await owed()).toEqual([notice(b, 1), { ...notice(a, 1), epoch: 'second' }]);
      expect(await settle(notice(a, 1), 'notified')).toBeNull();
      expect(await storage.notifications.find(a, 1)).toMatchObject({ epoch: 'second', outcome: null });
    });
  });
}
