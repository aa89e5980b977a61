import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Storage } from '../../storage/index.js';
import {
  append,
  HOSTILE_DATA,
  makeThread,
  makeThreads,
  newEvent,
  newEvents,
  newThread,
  range,
  readAll,
  runId,
  seqs,
  type StorageHarness,
  threadId,
  write,
} from './storage-harness.js';

/** The promises of `EventLog` and `EventLogReader`, for any engine. */
export function eventLogContract(name: string, harness: StorageHarness): void {
  describe(`${name}: EventLog`, () => {
    let storage: Storage;
    beforeEach(async () => {
      storage = await harness.open();
    });
    afterEach(() => harness.destroy());

    describe('append', () => {
      it('numbers the events of a thread 1, 2, 3 … without a hole, across batches', async () => {
        const id = await makeThread(storage, 'a');
        expect(await append(storage, id, newEvents(3))).toEqual([{ firstSeq: 1, head: 3, epoch: `epoch of ${id}` }]);
        expect(await append(storage, id, newEvents(1))).toEqual([{ firstSeq: 4, head: 4, epoch: `epoch of ${id}` }]);
        expect(await append(storage, id, newEvents(200))).toEqual([
          { firstSeq: 5, head: 204, epoch: `epoch of ${id}` },
        ]);
        expect(seqs(await readAll(storage, id))).toEqual(range(1, 204));
      });

      it('numbers each thread for itself, with one outcome per append, in order', async () => {
        const [a, b] = (await makeThreads(storage, 'a', 'b')) as [never, never];
        const outcomes = await write(storage, (tx) =>
          tx.events.append([
            { threadId: b, events: newEvents(2) },
            { threadId: a, events: newEvents(1) },
            { threadId: b, events: newEvents(3) },
          ]),
        );
        expect(outcomes).toEqual([
          { firstSeq: 1, head: 2, epoch: `epoch of ${b as string}` },
          { firstSeq: 1, head: 1, epoch: `epoch of ${a as string}` },
          { firstSeq: 3, head: 5, epoch: `epoch of ${b as string}` },
        ]);
      });

      it('keeps the order of several appends to one thread in one batch', async () => {
        const id = await makeThread(storage, 'a');
        const parts = [newEvents(2, 'first'), newEvents(3, 'second'), newEvents(1, 'third')];
        await write(storage, (tx) => tx.events.append(parts.map((events) => ({ threadId: id, events }))));
        const log = await readAll(storage, id);
        expect(log.map((event) => event.data)).toEqual(parts.flat().map((event) => event.data));
        expect(seqs(log)).toEqual(range(1, 6));
      });

      it('answers null for a thread that does not exist, and appends the others', async () => {
        const id = await makeThread(storage, 'a');
        const outcomes = await write(storage, (tx) =>
          tx.events.append([
            { threadId: threadId('none'), events: newEvents(2) },
            { threadId: id, events: newEvents(2) },
          ]),
        );
        expect(outcomes).toEqual([null, { firstSeq: 1, head: 2, epoch: `epoch of ${id}` }]);
        expect(await readAll(storage, threadId('none'))).toEqual([]);
      });

      it('appends to a thread that the same transaction has made', async () => {
        const id = threadId('fresh');
        await write(storage, async (tx) => {
          await tx.threads.create(newThread(id));
          expect(await tx.events.append([{ threadId: id, events: newEvents(2) }])).toEqual([
            { firstSeq: 1, head: 2, epoch: `epoch of ${id}` },
          ]);
          expect(await tx.events.head(id)).toMatchObject({ head: 2 });
          expect(seqs(await tx.events.read(id, { after: 0, limit: 10 }))).toEqual([1, 2]);
        });
        expect(await storage.events.head(id)).toMatchObject({ head: 2 });
      });

      it('leaves the head where it is when there is nothing to append', async () => {
        const id = await makeThread(storage, 'a');
        expect(await append(storage, id, [])).toEqual([{ firstSeq: 1, head: 0, epoch: `epoch of ${id}` }]);
        await append(storage, id, newEvents(2));
        expect(await append(storage, id, [])).toEqual([{ firstSeq: 3, head: 2, epoch: `epoch of ${id}` }]);
        expect(await write(storage, (tx) => tx.events.append([]))).toEqual([]);
      });

      it('moves the thread to where it was last written, by the time of the event, never back', async () => {
        const id = await makeThread(storage, 'a');
        await append(storage, id, [newEvent('one', { time: 9_000 }), newEvent('two', { time: 8_000 })]);
        expect((await storage.threads.get(id))?.updatedAt).toBe(9_000);
        await append(storage, id, [newEvent('three', { time: 7_000 })]);
        expect((await storage.threads.get(id))?.updatedAt).toBe(9_000);
      });
    });

    describe('what was appended', () => {
      it('comes back whole', async () => {
        const id = await makeThread(storage, 'a');
        const events = [
          newEvent('plain'),
          newEvent('of a run', {
            type: 'agent_delta',
            runId: runId(id, 1),
            agent: 'writer',
            time: 1_756_919_162_904,
          }),
        ];
        await append(storage, id, events);
        expect(await readAll(storage, id)).toEqual(events.map((event, i) => ({ ...event, threadId: id, seq: i + 1 })));
      });

      it('comes back byte for byte, whatever the data', async () => {
        const id = await makeThread(storage, 'a');
        await append(
          storage,
          id,
          HOSTILE_DATA.map((data) => newEvent('', { data })),
        );
        expect((await readAll(storage, id)).map((event) => event.data)).toEqual(HOSTILE_DATA);
        storage = await harness.reopen(storage);
        expect((await readAll(storage, id)).map((event) => event.data)).toEqual(HOSTILE_DATA);
      });
    });

    describe('read', () => {
      it('gives what follows a cursor, in order, up to the limit', async () => {
        const id = await makeThread(storage, 'a');
        await append(storage, id, newEvents(50));
        expect(seqs(await storage.events.read(id, { after: 0, limit: 3 }))).toEqual([1, 2, 3]);
        expect(seqs(await storage.events.read(id, { after: 17, limit: 5 }))).toEqual(range(18, 22));
        expect(seqs(await storage.events.read(id, { after: 48, limit: 5 }))).toEqual([49, 50]);
        expect(await storage.events.read(id, { after: 50, limit: 5 })).toEqual([]);
        expect(await storage.events.read(id, { after: 99, limit: 5 })).toEqual([]);
      });

      it('gives nothing of a thread that does not exist, nor of another thread', async () => {
        const [a, b] = (await makeThreads(storage, 'a', 'b')) as [never, never];
        await append(storage, a, newEvents(3));
        expect(await readAll(storage, b)).toEqual([]);
        expect(await readAll(storage, threadId('none'))).toEqual([]);
      });

      it('stops once it has read more than maxBytes, and pages on without a hole', async () => {
        const id = await makeThread(storage, 'a');
        const data = JSON.stringify({ text: 'é'.repeat(494) });
        expect(Buffer.byteLength(data)).toBe(999);
        await append(
          storage,
          id,
          Array.from({ length: 20 }, () => newEvent('', { data })),
        );
        const read = async (after: number, maxBytes: number) =>
          seqs(await storage.events.read(id, { after, limit: 1_000, maxBytes }));
        expect(await read(0, 0)).toEqual([1]);
        expect(await read(0, 1)).toEqual([1]);
        expect(await read(0, 999)).toEqual([1, 2]);
        expect(await read(4, 2_500)).toEqual([5, 6, 7]);
        expect(await read(18, 1_000_000)).toEqual([19, 20]);
        expect(await read(20, 1)).toEqual([]);
        expect(seqs(await storage.events.read(id, { after: 0, limit: 2, maxBytes: 1_000_000 }))).toEqual([1, 2]);
      });
    });

    describe('readBefore', () => {
      it('gives the last events below a seq, in order', async () => {
        const id = await makeThread(storage, 'a');
        await append(storage, id, newEvents(20));
        const read = async (before: number, limit: number) =>
          seqs(await storage.events.readBefore(id, { before, limit }));
        expect(await read(11, 4)).toEqual([7, 8, 9, 10]);
        expect(await read(3, 10)).toEqual([1, 2]);
        expect(await read(Number.MAX_SAFE_INTEGER, 2)).toEqual([19, 20]);
        expect(await read(1, 10)).toEqual([]);
        expect(await storage.events.readBefore(threadId('none'), { before: 10, limit: 10 })).toEqual([]);
      });

      it('stops once it has read more than maxBytes, leaves out the oldest, and pages on without a hole', async () => {
        const id = await makeThread(storage, 'a');
        const data = JSON.stringify({ text: 'é'.repeat(494) });
        await append(
          storage,
          id,
          Array.from({ length: 20 }, () => newEvent('', { data })),
        );
        const read = async (before: number, maxBytes: number, limit = 1_000) =>
          seqs(await storage.events.readBefore(id, { before, limit, maxBytes }));
        expect(await read(21, 0)).toEqual([20]);
        expect(await read(21, 999)).toEqual([19, 20]);
        expect(await read(19, 2_500)).toEqual([16, 17, 18]);
        expect(await read(16, 1_000_000)).toEqual(range(1, 15));
        expect(await read(16, 1_000_000, 2)).toEqual([14, 15]);
        expect(await read(1, 1)).toEqual([]);
      });
    });

    describe('with an epoch', () => {
      it('nothing is read of another log under the same id', async () => {
        const id = await makeThread(storage, 'a');
        await append(storage, id, newEvents(3));
        const read = async (epoch: string) => [
          seqs(await storage.events.read(id, { after: 0, limit: 10, epoch })),
          seqs(await storage.events.readBefore(id, { before: 9, limit: 10, epoch })),
        ];
        const all = [1, 2, 3];
        expect(await read(`epoch of ${id}`)).toEqual([all, all]);
        await write(storage, async (tx) => {
          await tx.threads.delete(id, 5_000);
          await tx.threads.create(newThread(id, { epoch: 'another' }));
          await tx.events.append([{ threadId: id, events: newEvents(3) }]);
        });
        expect(await read(`epoch of ${id}`)).toEqual([[], []]);
        expect(await read('another')).toEqual([all, all]);
      });
    });

    describe('heads', () => {
      it('are 0 for an empty log, its last seq otherwise, and null without a thread', async () => {
        const id = await makeThread(storage, 'a');
        expect(await storage.events.head(id)).toEqual({ head: 0, epoch: `epoch of ${id}` });
        await append(storage, id, newEvents(7));
        expect(await storage.events.head(id)).toEqual({ head: 7, epoch: `epoch of ${id}` });
        expect(await storage.events.head(threadId('none'))).toBeNull();
      });

      it('of very many threads come together; the unknown are absent', async () => {
        const keys = range(1, 1_500).map((n) => `t${n}`);
        await write(storage, async (tx) => {
          for (const key of keys) await tx.threads.create(newThread(threadId(key)));
          await tx.events.append(keys.map((key, i) => ({ threadId: threadId(key), events: newEvents(i % 3) })));
        });
        const asked = keys.map(threadId).concat(range(1, 1_000).map((n) => threadId(`none${n}`)));
        const heads = await storage.events.heads(asked);
        expect(heads.size).toBe(1_500);
        expect(heads.get(threadId('t3'))).toEqual({ head: 2, epoch: `epoch of ${threadId('t3')}` });
        expect([...heads.values()].map((head) => head.head).sort()).toEqual(keys.map((_, i) => i % 3).sort());
        expect((await storage.events.heads([])).size).toBe(0);
      });
    });
  });
}
