import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../../ids/index.js';
import type { Storage, ThreadPage } from '../../storage/index.js';
import {
  ALICE,
  append,
  BOB,
  CAROL,
  makeThread,
  newEvents,
  newThread,
  range,
  type StorageHarness,
  threadId,
  write,
} from './storage-harness.js';

/** The promises of `ThreadStore` and `ThreadStoreReader`, for any engine; deletion has a suite of its own. */
export function threadStoreContract(name: string, harness: StorageHarness): void {
  describe(`${name}: ThreadStore`, () => {
    let storage: Storage;
    beforeEach(async () => {
      storage = await harness.open();
    });
    afterEach(() => harness.destroy());

    describe('create', () => {
      it('makes a thread with an empty log', async () => {
        const id = threadId('a');
        const thread = newThread(id, {
          title: 'A title “with” \u{1F600}',
          metadata: { z: 1, a: [null, true, { deep: 'é' }], text: '\u0000' },
          createdAt: 1_756_919_162_904,
        });
        expect(await write(storage, (tx) => tx.threads.create(thread))).toEqual({ outcome: 'created' });
        expect(await storage.threads.get(id)).toEqual({
          ...thread,
          members: [],
          head: 0,
          updatedAt: 1_756_919_162_904,
        });
        expect(await storage.events.read(id, { after: 0, limit: 1 })).toEqual([]);
      });

      it('says whose a taken id is, and changes nothing', async () => {
        const id = await makeThread(storage, 'a');
        const before = await storage.threads.get(id);
        const outcomes = await write(storage, async (tx) => [
          await tx.threads.create(newThread(id, { title: 'again' })),
          await tx.threads.create(newThread(id, { ownerId: BOB, epoch: 'other' })),
        ]);
        expect(outcomes).toEqual(Array(2).fill({ outcome: 'exists', ownerId: ALICE }));
        expect(await storage.threads.get(id)).toEqual(before);
      });

      it('tells ids apart by case', async () => {
        await makeThread(storage, 'Abc');
        expect(await storage.threads.get(threadId('abc'))).toBeNull();
      });
    });

    describe('access', () => {
      it('is the role and the end of the log at the same moment', async () => {
        const id = await makeThread(storage, 'a');
        await append(storage, id, newEvents(4));
        await write(storage, (tx) => tx.threads.addMember(id, BOB, 2_000));
        const head = { head: 4, epoch: `epoch of ${id}` };
        expect(await storage.threads.access(id, ALICE)).toEqual({ role: 'owner', ...head });
        expect(await storage.threads.access(id, BOB)).toEqual({ role: 'member', ...head });
      });

      it('is null for a stranger as for a thread that does not exist', async () => {
        const id = await makeThread(storage, 'a');
        expect(await storage.threads.access(id, CAROL)).toBeNull();
        expect(await storage.threads.access(threadId('none'), ALICE)).toBeNull();
      });
    });

    describe('members', () => {
      it('are kept in the order they were added, each once', async () => {
        const id = await makeThread(storage, 'a');
        const answers = await write(storage, async (tx) => [
          await tx.threads.addMember(id, CAROL, 2_000),
          await tx.threads.addMember(id, BOB, 2_000),
          await tx.threads.addMember(id, CAROL, 2_000),
        ]);
        expect(answers).toEqual([true, true, false]);
        expect((await storage.threads.get(id))?.members).toEqual([CAROL, BOB]);
      });

      it('who left and come again are last', async () => {
        const id = await makeThread(storage, 'a');
        await write(storage, async (tx) => {
          for (const user of [BOB, CAROL]) await tx.threads.addMember(id, user, 2_000);
          expect(await tx.threads.removeMember(id, BOB, 2_000)).toBe(true);
          expect(await tx.threads.removeMember(id, BOB, 2_000)).toBe(false);
          await tx.threads.addMember(id, BOB, 2_000);
        });
        expect((await storage.threads.get(id))?.members).toEqual([CAROL, BOB]);
      });

      it('lose their access with their membership', async () => {
        const id = await makeThread(storage, 'a');
        await write(storage, (tx) => tx.threads.addMember(id, BOB, 2_000));
        await write(storage, (tx) => tx.threads.removeMember(id, BOB, 2_000));
        expect(await storage.threads.access(id, BOB)).toBeNull();
        expect((await storage.threads.list(BOB, { limit: 10, cursor: null })).threads).toEqual([]);
      });

      it('are people beside the owner, of a thread that exists', async () => {
        const id = await makeThread(storage, 'a');
        await write(storage, async (tx) => {
          expect(await tx.threads.addMember(id, ALICE, 2_000)).toBe(false);
          expect(await tx.threads.removeMember(id, ALICE, 2_000)).toBe(false);
          expect(await tx.threads.addMember(threadId('none'), BOB, 2_000)).toBe(false);
          expect(await tx.threads.removeMember(threadId('none'), BOB, 2_000)).toBe(false);
        });
        expect((await storage.threads.access(id, ALICE))?.role).toBe('owner');
      });

      it('tells users apart by every character', async () => {
        const id = await makeThread(storage, 'a');
        await write(storage, (tx) => tx.threads.addMember(id, 'é', 2_000));
        for (const other of ['e\u0301', 'É', 'é ']) {
          expect(await storage.threads.access(id, other)).toBeNull();
        }
      });
    });

    describe('update', () => {
      it('changes what is named, keeps the rest, and moves the thread up', async () => {
        const id = await makeThread(storage, 'a');
        const titled = await write(storage, (tx) => tx.threads.update(id, { title: 'new' }, 5_000));
        expect(titled).toMatchObject({ title: 'new', metadata: {}, createdAt: 1_000, updatedAt: 5_000 });
        const tagged = await write(storage, (tx) => tx.threads.update(id, { metadata: { tag: 1 } }, 6_000));
        expect(tagged).toMatchObject({ title: 'new', metadata: { tag: 1 }, updatedAt: 6_000 });
        const bare = await write(storage, (tx) => tx.threads.update(id, { title: null }, 7_000));
        expect(bare).toMatchObject({ title: null, metadata: { tag: 1 }, updatedAt: 7_000 });
        expect(await storage.threads.get(id)).toEqual(bare);
      });

      it('answers null for a thread that does not exist', async () => {
        expect(await write(storage, (tx) => tx.threads.update(threadId('none'), { title: 'x' }, 1))).toBeNull();
      });
    });

    describe('list', () => {
      const keysOf = (page: ThreadPage) => page.threads.map((thread) => thread.threadId.slice('thread_'.length));

      async function make(key: string, ownerId: string, createdAt: number): Promise<ThreadId> {
        await write(storage, (tx) => tx.threads.create(newThread(threadId(key), { ownerId, createdAt })));
        return threadId(key);
      }

      it('gives the threads that a user owns or is a member of, last updated first', async () => {
        await make('old', ALICE, 1_000);
        const shared = await make('shared', BOB, 2_000);
        await make('foreign', BOB, 2_500);
        await make('new', ALICE, 3_000);
        await write(storage, (tx) => tx.threads.addMember(shared, ALICE, 2_000));
        expect(keysOf(await storage.threads.list(ALICE, { limit: 10, cursor: null }))).toEqual([
          'new',
          'shared',
          'old',
        ]);
        await append(storage, threadId('old'), [{ ...newEvents(1)[0]!, time: 4_000 }]);
        const page = await storage.threads.list(ALICE, { limit: 10, cursor: null });
        expect(keysOf(page)).toEqual(['old', 'new', 'shared']);
        expect(page.threads[2]).toEqual(await storage.threads.get(shared));
        expect(page.nextCursor).toBeNull();
      });

      it('gives nothing to a user without threads', async () => {
        expect(await storage.threads.list(CAROL, { limit: 10, cursor: null })).toEqual({
          threads: [],
          nextCursor: null,
        });
      });

      it('pages through all of them, each once, also those updated in the same ms', async () => {
        for (const n of range(1, 23)) await make(`t${n}`, ALICE, 1_000 + Math.floor(n / 10));
        const seen: string[] = [];
        let cursor: string | null = null;
        do {
          const page: ThreadPage = await storage.threads.list(ALICE, { limit: 5, cursor });
          expect(page.threads.length).toBeLessThanOrEqual(5);
          seen.push(...keysOf(page));
          cursor = page.nextCursor;
        } while (cursor !== null);
        expect([...seen].sort()).toEqual(
          range(1, 23)
            .map((n) => `t${n}`)
            .sort(),
        );
        expect(seen).toEqual(keysOf(await storage.threads.list(ALICE, { limit: 100, cursor: null })));
      });

      it('goes on where it was when a thread is made, or its last one deleted, between two pages', async () => {
        for (const n of range(1, 6)) await make(`t${n}`, ALICE, 1_000 + n);
        const first = await storage.threads.list(ALICE, { limit: 3, cursor: null });
        expect(keysOf(first)).toEqual(['t6', 't5', 't4']);
        await make('newest', ALICE, 9_000);
        await write(storage, (tx) => tx.threads.delete(threadId('t4'), 9_000));
        const second = await storage.threads.list(ALICE, { limit: 3, cursor: first.nextCursor });
        expect(keysOf(second)).toEqual(['t3', 't2', 't1']);
        expect(second.nextCursor).toBeNull();
      });

      it('refuses a cursor that no page has given', async () => {
        await make('a', ALICE, 1_000);
        for (const cursor of ['', 'nonsense', '-1--1', '1-1; drop table threads', '9'.repeat(400)]) {
          const listing = storage.threads.list(ALICE, { limit: 5, cursor });
          await expect(listing).rejects.toMatchObject({ code: 'invalid_payload' });
        }
      });
    });

    describe('cursors', () => {
      it('move forward, never back, for each user', async () => {
        const id = await makeThread(storage, 'a');
        await append(storage, id, newEvents(10));
        expect(await storage.threads.cursor(id, ALICE)).toBeNull();
        const answers = await write(storage, async (tx) => [
          await tx.threads.acknowledge(id, ALICE, 5, 2_000),
          await tx.threads.acknowledge(id, ALICE, 3, 2_001),
          await tx.threads.acknowledge(id, ALICE, 5, 2_002),
          await tx.threads.acknowledge(id, ALICE, 9, 2_003),
        ]);
        expect(answers).toEqual([5, 5, 5, 9]);
        expect((await storage.threads.cursor(id, ALICE))?.seq).toBe(9);
        expect(await storage.threads.cursor(id, BOB)).toBeNull();
        storage = await harness.reopen(storage);
        expect((await storage.threads.cursor(id, ALICE))?.seq).toBe(9);
      });

      it('are none without a thread, and do not move the thread up', async () => {
        expect(await storage.threads.cursor(threadId('none'), ALICE)).toBeNull();
        const id = await makeThread(storage, 'a');
        await write(storage, (tx) => tx.threads.acknowledge(id, ALICE, 0, 9_000));
        expect((await storage.threads.get(id))?.updatedAt).toBe(1_000);
      });
    });
  });
}
