import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../../ids/index.js';
import type { Storage } from '../../storage/index.js';
import {
  ALICE,
  append,
  BOB,
  makeThread,
  newEvents,
  newRun,
  newThread,
  readAll,
  runId,
  type StorageHarness,
  threadId,
  write,
} from './storage-harness.js';

/** What `ThreadStore.delete` erases and what it leaves, for any engine. */
export function threadDeletionContract(name: string, harness: StorageHarness): void {
  describe(`${name}: a deleted thread`, () => {
    let storage: Storage;
    let id: ThreadId;
    beforeEach(async () => {
      storage = await harness.open();
      id = await makeThread(storage, 'a');
    });
    afterEach(() => harness.destroy());

    const remove = () => write(storage, (tx) => tx.threads.delete(id, 9_000));
    const remake = (ownerId: string) =>
      write(storage, (tx) => tx.threads.create(newThread(id, { ownerId, epoch: 'second', createdAt: 10_000 })));

    it('is as absent as one that never was, but known as deleted', async () => {
      await append(storage, id, newEvents(3));
      await write(storage, (tx) => tx.threads.addMember(id, BOB, 2_000));
      expect(await storage.threads.deletedFrom(id)).toBeNull();
      expect(await remove()).toBe(true);
      expect(await storage.threads.deletedFrom(id)).toBe(ALICE);
      expect(await storage.threads.deletedFrom(threadId('none'))).toBeNull();
      expect(await storage.threads.get(id)).toBeNull();
      for (const user of [ALICE, BOB]) {
        expect(await storage.threads.access(id, user)).toBeNull();
        expect((await storage.threads.list(user, { limit: 10, cursor: null })).threads).toEqual([]);
      }
      expect(await storage.events.head(id)).toBeNull();
      expect((await storage.events.heads([id])).size).toBe(0);
      expect(await readAll(storage, id)).toEqual([]);
      expect(await storage.events.readBefore(id, { before: 10, limit: 10 })).toEqual([]);
      expect(await append(storage, id, newEvents(1))).toEqual([null]);
    });

    it('cannot be deleted twice, nor one that never was', async () => {
      expect(await remove()).toBe(true);
      expect(await remove()).toBe(false);
      expect(await write(storage, (tx) => tx.threads.delete(threadId('none'), 9_000))).toBe(false);
    });

    it('can be made again by its owner alone', async () => {
      await remove();
      expect(await remake(BOB)).toEqual({ outcome: 'tombstone', ownerId: ALICE });
      expect(await storage.threads.deletedFrom(id)).toBe(ALICE);
      expect(await remake(ALICE)).toEqual({ outcome: 'created' });
      expect(await storage.threads.deletedFrom(id)).toBeNull();
    });

    it('made again has a new epoch and nothing of before: log, members, cursors', async () => {
      await append(storage, id, newEvents(3, 'old'));
      await write(storage, async (tx) => {
        await tx.threads.addMember(id, BOB, 2_000);
        await tx.threads.acknowledge(id, ALICE, 3, 2_000);
        await tx.threads.update(id, { title: 'old', metadata: { old: true } }, 2_000);
      });
      await remove();
      await remake(ALICE);
      expect(await storage.threads.get(id)).toEqual({
        ...newThread(id, { epoch: 'second', createdAt: 10_000 }),
        members: [],
        head: 0,
        updatedAt: 10_000,
      });
      expect(await storage.threads.cursor(id, ALICE)).toBeNull();
      expect(await storage.threads.access(id, BOB)).toBeNull();
      expect(await readAll(storage, id)).toEqual([]);
      expect(await append(storage, id, newEvents(1, 'new'))).toEqual([{ firstSeq: 1, head: 1, epoch: 'second' }]);
      expect((await readAll(storage, id)).map((event) => event.data)).toEqual([newEvents(1, 'new')[0]?.data]);
    });

    it('is made again in the very transaction that deletes it', async () => {
      await append(storage, id, newEvents(3));
      await write(storage, async (tx) => {
        await tx.threads.delete(id, 9_000);
        await tx.threads.create(newThread(id, { epoch: 'second' }));
        await tx.events.append([{ threadId: id, events: newEvents(1) }]);
      });
      expect(await storage.events.head(id)).toEqual({ head: 1, epoch: 'second' });
    });

    it('comes back whole when its deletion is rolled back', async () => {
      await append(storage, id, newEvents(3));
      const failure = new Error('not after all');
      const deletion = write(storage, async (tx) => {
        await tx.threads.delete(id, 9_000);
        throw failure;
      });
      await expect(deletion).rejects.toBe(failure);
      expect(await storage.threads.deletedFrom(id)).toBeNull();
      expect(await readAll(storage, id)).toHaveLength(3);
    });

    it('leaves the ids and ends of its runs, without their content', async () => {
      const input = {
        requestId: 'r',
        status: 'answered',
        prompt: 'secret',
        value: 'secret',
        attempt: 1,
        requestedAt: 1,
      } as const;
      const run = newRun(id, 1, { status: 'completed', attempt: 1, input: 'secret', inputs: [input], endedAt: 5_000 });
      await write(storage, (tx) => tx.runs.insert(run));
      await remove();
      expect(await storage.runs.get(run.runId)).toEqual({ ...run, input: null, inputs: [], orphaned: true });
      expect((await storage.runs.fences([run.runId])).get(run.runId)).toEqual({ status: 'completed', attempt: 1 });
      expect(await write(storage, (tx) => tx.runs.update(run.runId, { inputs: [input] }))).toMatchObject({
        inputs: [],
      });
      expect((await storage.runs.get(run.runId))?.inputs).toEqual([]);
      await remake(ALICE);
      expect(await write(storage, (tx) => tx.runs.insert(newRun(id, 1)))).toBe(false);
      expect(await storage.runs.get(run.runId)).toMatchObject({ status: 'completed', input: null });
    });

    it('has no runs to recover, nor does the one made again under its id', async () => {
      await write(storage, (tx) => tx.runs.insert(newRun(id, 1, { status: 'running', attempt: 1, startedAt: 4_000 })));
      await remove();
      expect(await storage.runs.unfinished()).toEqual([]);
      await remake(ALICE);
      expect(await storage.runs.active(id)).toEqual([]);
      expect(await storage.runs.unfinished()).toEqual([]);
    });

    it('takes its recorded requests and event ids along, but not those asked without a thread', async () => {
      const request = { threadId: id, runId: runId(id, 1), messageId: 'm', seq: 1 };
      await write(storage, async (tx) => {
        await tx.runs.insert(newRun(id, 1));
        await tx.runs.recordEvent(runId(id, 1), 'e', 1);
        await tx.runs.recordRequest(ALICE, id, request);
        await tx.runs.recordRequest(ALICE, null, request);
      });
      await remove();
      expect(await storage.runs.findRequest(ALICE, id, 'm')).toBeNull();
      expect(await storage.runs.findRequest(ALICE, null, 'm')).toEqual(request);
      expect(await storage.runs.findEvent(runId(id, 1), 'e')).toBeNull();
      await remake(ALICE);
      expect(await storage.runs.findRequest(ALICE, id, 'm')).toBeNull();
    });

    it('touches no other thread', async () => {
      const other = await makeThread(storage, 'b');
      await append(storage, id, newEvents(2));
      await append(storage, other, newEvents(2));
      const request = { threadId: other, runId: runId(other, 1), messageId: 'm', seq: 1 };
      await write(storage, async (tx) => {
        await tx.runs.insert(newRun(other, 1));
        await tx.runs.recordRequest(ALICE, other, request);
        await tx.threads.acknowledge(other, ALICE, 2, 2_000);
      });
      await remove();
      expect(await readAll(storage, other)).toHaveLength(2);
      expect(await storage.runs.active(other)).toEqual([newRun(other, 1)]);
      expect(await storage.runs.findRequest(ALICE, other, 'm')).toEqual(request);
      expect((await storage.threads.cursor(other, ALICE))?.seq).toBe(2);
    });
  });
}
