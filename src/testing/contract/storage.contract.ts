import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../../ids/index.js';
import type { Storage } from '../../storage/index.js';
import {
  ALICE,
  append,
  BOB,
  Hold,
  makeThread,
  newEvents,
  newRun,
  newThread,
  range,
  readAll,
  runId,
  seqs,
  type StorageHarness,
  threadId,
  write,
} from './storage-harness.js';

/** The promises of `Storage` and `Transaction`, for any engine. */
export function storageContract(name: string, harness: StorageHarness): void {
  describe(`${name}: Storage`, () => {
    let storage: Storage;
    let id: ThreadId;
    const failure = new Error('the work failed');
    beforeEach(async () => {
      storage = await harness.open();
      id = await makeThread(storage, 'a');
    });
    afterEach(() => harness.destroy());

    describe('a transaction', () => {
      it('answers what its work answers', async () => {
        expect(await write(storage, () => Promise.resolve('answer'))).toBe('answer');
      });

      it('is all or nothing over all stores, and passes on the very error of its work', async () => {
        const fresh = threadId('fresh');
        const rejected = write(storage, async (tx) => {
          await tx.threads.create(newThread(fresh));
          await tx.threads.addMember(id, BOB, 2_000);
          await tx.events.append([{ threadId: id, events: newEvents(3) }]);
          await tx.runs.insert(newRun(id, 1));
          await tx.runs.recordRequest(ALICE, id, { threadId: id, runId: runId(id, 1), messageId: 'm', seq: 1 });
          throw failure;
        });
        await expect(rejected).rejects.toBe(failure);
        expect(await storage.threads.get(fresh)).toBeNull();
        expect(await storage.threads.access(id, BOB)).toBeNull();
        expect(await storage.events.head(id)).toMatchObject({ head: 0 });
        expect(await storage.runs.get(runId(id, 1))).toBeNull();
        expect(await storage.runs.findRequest(ALICE, id, 'm')).toBeNull();
      });

      it('that failed leaves no hole in the log', async () => {
        await append(storage, id, newEvents(2));
        await expect(
          write(storage, async (tx) => {
            await tx.events.append([{ threadId: id, events: newEvents(5) }]);
            throw failure;
          }),
        ).rejects.toBe(failure);
        expect(await append(storage, id, newEvents(2))).toEqual([{ firstSeq: 3, head: 4, epoch: `epoch of ${id}` }]);
        expect(seqs(await readAll(storage, id))).toEqual(range(1, 4));
      });

      it('sees its own writes while nobody else does', async () => {
        const hold = new Hold();
        const fresh = threadId('fresh');
        const open = write(storage, async (tx) => {
          await tx.lock([id]);
          await tx.threads.create(newThread(fresh));
          await tx.threads.update(id, { title: 'new' }, 5_000);
          await tx.events.append([{ threadId: id, events: newEvents(3) }]);
          await tx.runs.insert(newRun(id, 1));
          expect(await tx.events.head(id)).toMatchObject({ head: 3 });
          expect(seqs(await readAll(tx, id))).toEqual([1, 2, 3]);
          expect(await tx.threads.get(id)).toMatchObject({ title: 'new', head: 3 });
          expect(await tx.runs.active(id)).toHaveLength(1);
          await hold.wait();
        });
        await hold.reached;
        expect(await readAll(storage, id)).toEqual([]);
        expect((await storage.events.heads([id, fresh])).get(id)).toMatchObject({ head: 0 });
        expect(await storage.threads.get(id)).toMatchObject({ title: null, head: 0 });
        expect(await storage.threads.get(fresh)).toBeNull();
        expect(await storage.runs.get(runId(id, 1))).toBeNull();
        await storage.check();
        hold.release();
        await open;
        expect(seqs(await readAll(storage, id))).toEqual([1, 2, 3]);
        expect(await storage.threads.get(fresh)).not.toBeNull();
        expect(await storage.runs.get(runId(id, 1))).not.toBeNull();
      });

      it('is durable once it has resolved', async () => {
        await append(storage, id, newEvents(3));
        await write(storage, (tx) => tx.runs.insert(newRun(id, 1)));
        const before = [await readAll(storage, id), await storage.threads.get(id), await storage.runs.unfinished()];
        storage = await harness.reopen(storage);
        const after = [await readAll(storage, id), await storage.threads.get(id), await storage.runs.unfinished()];
        expect(after).toEqual(before);
        expect(await append(storage, id, newEvents(1))).toEqual([{ firstSeq: 4, head: 4, epoch: `epoch of ${id}` }]);
      });

      it('locks the threads that it is about to write, known and unknown', async () => {
        await write(storage, async (tx) => {
          await tx.lock([id, threadId('none'), id]);
          await tx.events.append([{ threadId: id, events: newEvents(1) }]);
        });
        expect(await storage.events.head(id)).toMatchObject({ head: 1 });
      });
    });

    describe('a savepoint', () => {
      it('fails alone: the transaction goes on without what it wrote', async () => {
        await write(storage, async (tx) => {
          await tx.events.append([{ threadId: id, events: newEvents(1, 'before') }]);
          const part = tx.savepoint(async () => {
            await tx.events.append([{ threadId: id, events: newEvents(5, 'undone') }]);
            await tx.threads.create(newThread(threadId('undone')));
            throw failure;
          });
          await expect(part).rejects.toBe(failure);
          expect(await tx.events.head(id)).toMatchObject({ head: 1 });
          await tx.events.append([{ threadId: id, events: newEvents(1, 'after') }]);
        });
        const expected = [...newEvents(1, 'before'), ...newEvents(1, 'after')].map((event) => event.data);
        expect((await readAll(storage, id)).map((event) => event.data)).toEqual(expected);
        expect(await storage.threads.get(threadId('undone'))).toBeNull();
      });

      it('undone leaves no hole in the log and no fence moved', async () => {
        await write(storage, (tx) => tx.runs.insert(newRun(id, 1, { status: 'running', attempt: 1, startedAt: 1 })));
        await append(storage, id, newEvents(1));
        await write(storage, async (tx) => {
          const part = tx.savepoint(async () => {
            await tx.events.append([{ threadId: id, events: newEvents(5) }]);
            await tx.runs.update(runId(id, 1), { status: 'completed', attempt: 2 });
            throw failure;
          });
          await expect(part).rejects.toBe(failure);
          expect((await tx.runs.fences([runId(id, 1)])).get(runId(id, 1))).toEqual({ status: 'running', attempt: 1 });
          expect(await tx.events.append([{ threadId: id, events: newEvents(1) }])).toEqual([
            { firstSeq: 2, head: 2, epoch: `epoch of ${id}` },
          ]);
        });
        expect(seqs(await readAll(storage, id))).toEqual([1, 2]);
      });

      it('that succeeds answers its work and is kept with the transaction', async () => {
        const answers = await write(storage, async (tx) => [
          await tx.savepoint(() => tx.events.append([{ threadId: id, events: newEvents(2) }])),
          await tx.savepoint(() => tx.events.append([{ threadId: id, events: newEvents(2) }])),
        ]);
        expect(answers).toEqual([
          [{ firstSeq: 1, head: 2, epoch: `epoch of ${id}` }],
          [{ firstSeq: 3, head: 4, epoch: `epoch of ${id}` }],
        ]);
        expect(await storage.events.head(id)).toMatchObject({ head: 4 });
      });

      it('goes with its transaction', async () => {
        const rejected = write(storage, async (tx) => {
          await tx.savepoint(() => tx.events.append([{ threadId: id, events: newEvents(2) }]));
          throw failure;
        });
        await expect(rejected).rejects.toBe(failure);
        expect(await storage.events.head(id)).toMatchObject({ head: 0 });
      });

      it('may lie in another one: the inner fails alone, the outer takes the inner along', async () => {
        await write(storage, async (tx) => {
          await tx.savepoint(async () => {
            await tx.events.append([{ threadId: id, events: newEvents(1) }]);
            const inner = tx.savepoint(async () => {
              await tx.events.append([{ threadId: id, events: newEvents(1) }]);
              throw failure;
            });
            await expect(inner).rejects.toBe(failure);
          });
          const outer = tx.savepoint(async () => {
            await tx.savepoint(() => tx.events.append([{ threadId: id, events: newEvents(4) }]));
            throw failure;
          });
          await expect(outer).rejects.toBe(failure);
        });
        expect(await storage.events.head(id)).toMatchObject({ head: 1 });
      });

      it('that holds several appends undoes all of them', async () => {
        const other = await makeThread(storage, 'b');
        await write(storage, async (tx) => {
          const part = tx.savepoint(async () => {
            await tx.events.append([id, other, id].map((thread) => ({ threadId: thread, events: newEvents(2) })));
            throw failure;
          });
          await expect(part).rejects.toBe(failure);
        });
        const heads = await storage.events.heads([id, other]);
        expect([...heads.values()].map((head) => head.head)).toEqual([0, 0]);
      });
    });

    describe('wasCommitted', () => {
      it('knows the batch that was committed, also an empty one', async () => {
        await storage.transact('one', (tx) => tx.events.append([{ threadId: id, events: newEvents(1) }]));
        expect(await storage.wasCommitted('one')).toBe(true);
        await storage.transact('two', () => Promise.resolve());
        expect(await storage.wasCommitted('two')).toBe(true);
      });

      it('is false for one that was rolled back, is open, or never was', async () => {
        await expect(storage.transact('failed', () => Promise.reject(failure))).rejects.toBe(failure);
        expect(await storage.wasCommitted('failed')).toBe(false);
        expect(await storage.wasCommitted('never')).toBe(false);
        const hold = new Hold();
        const open = storage.transact('open', () => hold.wait());
        await hold.reached;
        expect(await storage.wasCommitted('open')).toBe(false);
        hold.release();
        await open;
        expect(await storage.wasCommitted('open')).toBe(true);
      });
    });

    it('answers check, before and after it was written to', async () => {
      await storage.check();
      await append(storage, id, newEvents(1));
      await storage.check();
      expect(await storage.events.head(id)).toMatchObject({ head: 1 });
    });

    it('says where the data lies', () => {
      expect(storage.describe()).toMatch(/\S/);
    });

    it('takes nothing after close; closing twice does nothing', async () => {
      await storage.close();
      await storage.close();
      const unavailable = { code: 'storage_unavailable' };
      await expect(storage.check()).rejects.toMatchObject(unavailable);
      await expect(storage.events.head(id)).rejects.toMatchObject(unavailable);
      await expect(storage.threads.get(id)).rejects.toMatchObject(unavailable);
      await expect(storage.runs.unfinished()).rejects.toMatchObject(unavailable);
      await expect(storage.wasCommitted('x')).rejects.toMatchObject(unavailable);
      await expect(write(storage, () => Promise.resolve())).rejects.toMatchObject(unavailable);
    });
  });
}
