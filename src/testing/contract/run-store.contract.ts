import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../../ids/index.js';
import type { RunPlace, RunRecord, Storage } from '../../storage/index.js';
import {
  ALICE,
  BOB,
  makeThreads,
  newRun,
  range,
  runId,
  type StorageHarness,
  threadId,
  write,
} from './storage-harness.js';

/** The promises of `RunStore` and `RunStoreReader`, for any engine. */
export function runStoreContract(name: string, harness: StorageHarness): void {
  describe(`${name}: RunStore`, () => {
    let storage: Storage;
    let a: ThreadId;
    let b: ThreadId;
    beforeEach(async () => {
      storage = await harness.open();
      [a, b] = (await makeThreads(storage, 'a', 'b')) as [ThreadId, ThreadId];
    });
    afterEach(() => harness.destroy());

    const insert = (...runs: RunRecord[]) =>
      write(storage, async (tx) => {
        for (const run of runs) expect(await tx.runs.insert(run)).toBe(true);
      });

    it('gives back a run whole', async () => {
      const full = newRun(a, 1, {
        agent: 'writer',
        userId: BOB,
        status: 'waiting_input',
        attempt: 3,
        policy: 'parallel',
        external: true,
        position: -4,
        input: { z: [1, null, { deep: '\u0000 \u{1F600}' }], a: 'text' },
        messageId: 'message',
        associated: false,
        associationMs: 1_234,
        inputs: [
          {
            requestId: 'one',
            status: 'answered',
            prompt: 'Why?',
            value: { x: 1 },
            attempt: 1,
            requestedAt: 5,
            answeredAt: 6,
          },
          { requestId: 'two', status: 'open', schema: { type: 'string' }, named: true, attempt: 2, requestedAt: 7 },
        ],
        createdAt: 1_756_919_162_904,
        startedAt: 1_756_919_162_905,
        endedAt: 1_756_919_162_906,
        endReason: 'run_failed',
      });
      const inputs = ['just text', null, 12.5, [1, 'two'], true].map((input, i) => newRun(a, i + 2, { input }));
      await insert(full, ...inputs);
      storage = await harness.reopen(storage);
      for (const run of [full, ...inputs]) expect(await storage.runs.get(run.runId)).toEqual(run);
      expect(await storage.runs.get(runId(a, 99))).toBeNull();
    });

    it('refuses an id that is taken, also by a run of another thread, and changes nothing', async () => {
      const run = newRun(a, 1);
      await insert(run);
      const again = [newRun(a, 1, { agent: 'other' }), { ...newRun(b, 2), runId: run.runId }];
      for (const taken of again) expect(await write(storage, (tx) => tx.runs.insert(taken))).toBe(false);
      expect(await storage.runs.get(run.runId)).toEqual(run);
    });

    describe('update', () => {
      it('changes what is named and keeps the rest', async () => {
        const run = newRun(a, 1);
        await insert(run);
        const begun = { status: 'running', attempt: 1, startedAt: 5_000 } as const;
        expect(await write(storage, (tx) => tx.runs.update(run.runId, begun))).toEqual({ ...run, ...begun });
        const ended = {
          status: 'failed',
          associated: false,
          inputs: [{ requestId: 'r', status: 'closed', attempt: 1, requestedAt: 1 }],
          endedAt: 6_000,
          endReason: 'run_stalled',
        } as const;
        await write(storage, (tx) => tx.runs.update(run.runId, ended));
        expect(await storage.runs.get(run.runId)).toEqual({ ...run, ...begun, ...ended });
        await write(storage, (tx) => tx.runs.update(run.runId, { endReason: null, startedAt: undefined }));
        expect(await storage.runs.get(run.runId)).toEqual({ ...run, ...begun, ...ended, endReason: null });
      });

      it('answers null for a run that is not known', async () => {
        expect(await write(storage, (tx) => tx.runs.update(runId(a, 9), { status: 'failed' }))).toBeNull();
      });
    });

    describe('runs that have not ended', () => {
      const place = (run: RunRecord): RunPlace => {
        const { runId, threadId, agent, userId, status, attempt, policy, external, position, node } = run;
        return { runId, threadId, agent, userId, status, attempt, policy, external, position, node };
      };
      const numbers = (runs: readonly RunRecord[]) => runs.map((run) => parseInt(run.runId.slice(-8), 16));

      it('come begun ones first by start, then queued ones by position', async () => {
        await insert(
          newRun(a, 1, { position: 3 }),
          newRun(a, 2, { position: 1 }),
          newRun(a, 3, { position: -7 }),
          newRun(a, 4, { status: 'running', startedAt: 9_000, position: 0 }),
          newRun(a, 5, { status: 'waiting_input', startedAt: 8_000, position: 50 }),
          newRun(a, 6, { status: 'completed', startedAt: 1_000 }),
          newRun(a, 7, { status: 'failed', startedAt: 1_000 }),
          newRun(a, 8, { status: 'cancelled' }),
          newRun(b, 9, { position: 0 }),
        );
        expect(numbers(await storage.runs.active(a))).toEqual([5, 4, 3, 2, 1]);
        expect(numbers(await storage.runs.active(b))).toEqual([9]);
        expect(await storage.runs.active(threadId('none'))).toEqual([]);
        await write(storage, (tx) => tx.runs.update(runId(a, 1), { status: 'running', startedAt: 9_500 }));
        await write(storage, (tx) => tx.runs.update(runId(a, 5), { status: 'completed' }));
        expect(numbers(await storage.runs.active(a))).toEqual([4, 1, 3, 2]);
      });

      it('of all threads come by thread, each in that order', async () => {
        await insert(
          newRun(a, 1, { position: 2 }),
          newRun(b, 2, { position: 1 }),
          newRun(a, 3, { status: 'running', startedAt: 9_000 }),
          newRun(b, 4, { status: 'cancelled' }),
          newRun(b, 5, { status: 'waiting_input', startedAt: 1_000 }),
          newRun(a, 6, { position: 1 }),
        );
        const unfinished = await storage.runs.unfinished();
        expect(unfinished).toHaveLength(5);
        const threads = [...new Set(unfinished.map((run) => run.threadId))];
        expect(threads).toHaveLength(2);
        const expected = [];
        for (const thread of threads) expected.push(...(await storage.runs.active(thread)));
        expect(unfinished).toEqual(expected.map(place));
      });

      it('come as places too, in the same order, without their content', async () => {
        await insert(
          newRun(a, 1, { position: 2, input: 'x'.repeat(300_000) }),
          newRun(a, 2, { position: -1, policy: 'interrupt', userId: BOB, agent: 'writer' }),
          newRun(a, 3, { status: 'running', startedAt: 9_000, attempt: 2, external: true }),
          newRun(a, 4, {
            status: 'waiting_input',
            startedAt: 8_000,
            inputs: [{ requestId: 'r', status: 'open', attempt: 1, requestedAt: 1 }],
          }),
          newRun(a, 5, { status: 'failed', startedAt: 1_000 }),
          newRun(b, 6),
        );
        const places = await storage.runs.activePlaces(a);
        expect(places.map((run) => parseInt(run.runId.slice(-8), 16))).toEqual([4, 3, 2, 1]);
        expect(places).toEqual((await storage.runs.active(a)).map(place));
        expect(await storage.runs.activePlaces(threadId('none'))).toEqual([]);
      });
    });

    it('counts those of a user that are under way, without those of other processes', async () => {
      await insert(
        newRun(a, 1, { status: 'running' }),
        newRun(b, 2, { status: 'waiting_input' }),
        newRun(a, 3),
        newRun(a, 4, { status: 'running', external: true }),
        newRun(a, 5, { status: 'completed' }),
        newRun(a, 6, { status: 'running', userId: BOB }),
      );
      expect(await storage.runs.underWayOf(ALICE)).toBe(2);
      expect(await storage.runs.underWayOf('nobody')).toBe(0);
      await write(storage, async (tx) => {
        await tx.lock([a], [ALICE, BOB, ALICE]);
        await tx.runs.update(runId(b, 2), { status: 'failed' });
        expect(await tx.runs.underWayOf(ALICE)).toBe(1);
      });
    });

    it('gives the fences of many runs; an unknown one is absent', async () => {
      await insert(...range(1, 1_200).map((n) => newRun(a, n, { attempt: n % 5, status: 'running', startedAt: n })));
      const fences = await storage.runs.fences(range(1, 1_500).map((n) => runId(a, n)));
      expect(fences.size).toBe(1_200);
      expect(fences.get(runId(a, 1_199))).toEqual({ status: 'running', attempt: 4 });
      expect((await storage.runs.fences([])).size).toBe(0);
      await write(storage, async (tx) => {
        await tx.runs.update(runId(a, 1), { status: 'cancelled' });
        expect((await tx.runs.fences([runId(a, 1)])).get(runId(a, 1))?.status).toBe('cancelled');
        expect((await storage.runs.fences([runId(a, 1)])).get(runId(a, 1))?.status).toBe('running');
      });
    });

    describe('recorded requests', () => {
      const answer = (n: number, messageId = 'm', seq: number | null = n) => ({
        threadId: a,
        runId: runId(a, n),
        messageId,
        seq,
      });

      it('keep the first answer', async () => {
        await write(storage, async (tx) => {
          await tx.runs.recordRequest(ALICE, a, answer(1));
          await tx.runs.recordRequest(ALICE, a, answer(2));
        });
        await write(storage, (tx) => tx.runs.recordRequest(ALICE, a, answer(3)));
        await write(storage, (tx) => tx.runs.recordRequest(ALICE, null, answer(4, 'n', null)));
        await write(storage, (tx) => tx.runs.recordRequest(ALICE, null, answer(5, 'n')));
        storage = await harness.reopen(storage);
        expect(await storage.runs.findRequest(ALICE, a, 'm')).toEqual(answer(1));
        expect(await storage.runs.findRequest(ALICE, null, 'n')).toEqual(answer(4, 'n', null));
      });

      it('are one per user and thread, and one per user without a thread', async () => {
        await write(storage, async (tx) => {
          await tx.runs.recordRequest(ALICE, a, answer(1));
          await tx.runs.recordRequest(ALICE, b, answer(2));
          await tx.runs.recordRequest(BOB, a, answer(3));
          await tx.runs.recordRequest(ALICE, null, answer(4));
          await tx.runs.recordRequest(BOB, null, answer(5));
        });
        expect(await storage.runs.findRequest(ALICE, a, 'm')).toEqual(answer(1));
        expect(await storage.runs.findRequest(ALICE, b, 'm')).toEqual(answer(2));
        expect(await storage.runs.findRequest(BOB, a, 'm')).toEqual(answer(3));
        expect(await storage.runs.findRequest(ALICE, null, 'm')).toEqual(answer(4));
        expect(await storage.runs.findRequest(BOB, null, 'm')).toEqual(answer(5));
      });

      it('that were not seen are null', async () => {
        await write(storage, (tx) => tx.runs.recordRequest(ALICE, a, answer(1)));
        expect(await storage.runs.findRequest(ALICE, a, 'M')).toBeNull();
        expect(await storage.runs.findRequest(ALICE, b, 'm')).toBeNull();
        expect(await storage.runs.findRequest(BOB, a, 'm')).toBeNull();
        expect(await storage.runs.findRequest(ALICE, null, 'm')).toBeNull();
        expect(await storage.runs.findRequest(ALICE, threadId('none'), 'm')).toBeNull();
      });
    });

    it('remembers the seq of an event id, per run, the first one', async () => {
      await insert(newRun(a, 1), newRun(a, 2, { status: 'completed' }));
      await write(storage, async (tx) => {
        await tx.runs.recordEvent(runId(a, 1), 'e', 7);
        await tx.runs.recordEvent(runId(a, 1), 'e', 8);
        await tx.runs.recordEvent(runId(a, 2), 'e', 9);
        expect(await tx.runs.findEvent(runId(a, 1), 'e')).toBe(7);
      });
      expect(await storage.runs.findEvent(runId(a, 1), 'e')).toBe(7);
      expect(await storage.runs.findEvent(runId(a, 2), 'e')).toBe(9);
      expect(await storage.runs.findEvent(runId(a, 1), 'E')).toBeNull();
      expect(await storage.runs.findEvent(runId(b, 1), 'e')).toBeNull();
    });
  });
}
