import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../../ids/index.js';
import type { NodeLeases, RunPlace, RunRecord, Storage, WaitingRuns } from '../../storage/index.js';
import { ALICE, BOB, makeThreads, newRun, runId, type StorageHarness, threadId, write } from './storage-harness.js';

const LONG_MS = 60_000;
const [ONE, OTHER] = ['node_1', 'node_2'];

/** The promises of `NodeLeases`, and of a run's `node`, for an engine that several nodes share. */
export function nodeLeasesContract(name: string, harness: StorageHarness): void {
  describe(`${name}: NodeLeases`, () => {
    let storage: Storage;
    let leases: NodeLeases;
    let a: ThreadId;
    let b: ThreadId;
    beforeEach(async () => {
      storage = await harness.open();
      if (storage.leases === null) throw new Error('This engine has no leases.');
      leases = storage.leases;
      [a, b] = (await makeThreads(storage, 'a', 'b')) as [ThreadId, ThreadId];
    });
    afterEach(() => harness.destroy());

    const insert = (...runs: RunRecord[]) =>
      write(storage, async (tx) => {
        for (const run of runs) await tx.runs.insert(run);
      });
    const numbers = (runs: readonly RunPlace[]) => runs.map((run) => parseInt(run.runId.slice(-8), 16));
    const ready = async (waiting: WaitingRuns, maxPerUser = 100) =>
      numbers((await leases.ready(waiting, maxPerUser, 100)).runs);

    it('keeps whose a run is, and changes it', async () => {
      const run = newRun(a, 1, { node: ONE });
      await insert(run, newRun(a, 2));
      expect(await storage.runs.get(run.runId)).toEqual(run);
      expect((await storage.runs.activePlaces(a)).map((place) => place.node)).toEqual([ONE, null]);
      expect(await write(storage, (tx) => tx.runs.update(run.runId, { node: OTHER }))).toEqual({ ...run, node: OTHER });
      await write(storage, (tx) => tx.runs.update(run.runId, { status: 'running', node: undefined }));
      expect(await storage.runs.get(run.runId)).toEqual({ ...run, node: OTHER, status: 'running' });
      await write(storage, (tx) => tx.runs.update(run.runId, { node: null }));
      expect((await storage.runs.get(run.runId))?.node).toBeNull();
    });

    it('names the nodes whose lease is over and which have unfinished runs', async () => {
      await insert(newRun(a, 1, { node: ONE }), newRun(b, 2, { node: OTHER, status: 'running' }));
      expect(await leases.renew(ONE, LONG_MS)).toBe(true);
      expect(await leases.renew(OTHER, 0)).toBe(true);
      await leases.renew('node_idle', 0);
      expect(await leases.lapsed()).toEqual([{ node: OTHER, released: false }]);
      expect(await leases.renew(OTHER, LONG_MS)).toBe(true);
      expect(await leases.lapsed()).toEqual([]);
      await leases.renew(OTHER, 0);
      await write(storage, (tx) => tx.runs.update(runId(b, 2), { status: 'completed' }));
      expect(await leases.lapsed()).toEqual([]);
    });

    it('forgets no node that was there a moment ago', async () => {
      await insert(newRun(a, 1, { node: OTHER }));
      await leases.renew(ONE, 0);
      await leases.renew(OTHER, 0);
      await leases.release(ONE);
      await leases.forget();
      expect(await leases.lapsed()).toEqual([{ node: OTHER, released: false }]);
      expect(await leases.renew(ONE, LONG_MS)).toBe(false);
    });

    it('says inside a transaction whether a node keeps its lease', async () => {
      await leases.renew(ONE, LONG_MS);
      await leases.renew(OTHER, 0);
      const kept = () =>
        write(storage, async (tx) => [
          await tx.runs.isKept(ONE),
          await tx.runs.isKept(OTHER),
          await tx.runs.isKept('none'),
        ]);
      expect(await kept()).toEqual([true, false, false]);
      await leases.renew(OTHER, LONG_MS);
      await leases.release(ONE);
      expect(await kept()).toEqual([false, true, false]);
    });

    it('gives up a lease that was released, and does not give it back', async () => {
      await insert(newRun(a, 1, { node: ONE }), newRun(b, 2, { node: OTHER }));
      await leases.renew(ONE, LONG_MS);
      await leases.release(ONE);
      await leases.release(OTHER);
      expect(await leases.lapsed()).toHaveLength(2);
      expect(await leases.lapsed()).toContainEqual({ node: ONE, released: true });
      expect(await leases.renew(ONE, LONG_MS)).toBe(false);
      expect(await leases.renew(OTHER, LONG_MS)).toBe(false);
      expect(await leases.lapsed()).toHaveLength(2);
    });

    it('gives the unfinished runs of a node, and those under way that are nobody’s', async () => {
      await insert(
        newRun(a, 1, { node: ONE, position: 9 }),
        newRun(b, 2, { node: ONE, status: 'waiting_input', external: true }),
        newRun(b, 3, { node: ONE, status: 'failed' }),
        newRun(b, 4, { node: OTHER, status: 'running' }),
        newRun(a, 5),
        newRun(a, 6, { status: 'running' }),
      );
      expect(numbers(await leases.held(ONE, 10))).toEqual([1, 2]);
      expect(numbers(await leases.held(ONE, 1))).toEqual([1]);
      expect(numbers(await leases.held(OTHER, 10))).toEqual([4]);
      expect(numbers(await leases.held(null, 10))).toEqual([6]);
      expect(await leases.held('node_3', 10)).toEqual([]);
    });

    it('counts a queued run that is a node’s to begin as under way', async () => {
      await insert(newRun(a, 1, { node: ONE }), newRun(a, 2), newRun(b, 3, { node: ONE, external: true }));
      expect(await storage.runs.underWayOf(ALICE)).toBe(1);
    });

    it('counts the queued runs that are nobody’s, so far as is asked', async () => {
      await insert(newRun(a, 1), newRun(b, 2, { node: ONE }), newRun(b, 3), newRun(a, 4, { status: 'failed' }));
      expect([await leases.waiting(10), await leases.waiting(1)]).toEqual([2, 1]);
    });

    describe('of the waiting runs', () => {
      it('the first of a thread by position is ready, and all that run beside others', async () => {
        await insert(
          newRun(a, 1, { position: 2 }),
          newRun(a, 2, { position: -1, policy: 'interrupt' }),
          newRun(a, 3, { position: -5, policy: 'parallel' }),
          newRun(a, 4, { position: 4, policy: 'parallel', status: 'cancelled' }),
          newRun(b, 5, { position: 1 }),
          newRun(b, 6, { position: 1 }),
        );
        expect(await ready({ threadId: a })).toEqual([2, 3]);
        expect(await ready({ threadId: b })).toEqual([5]);
        expect(await ready({ userId: ALICE })).toEqual([2, 3, 5]);
        expect(await ready({ after: 0 })).toEqual([2, 3, 5]);
        expect(await ready({ threadId: threadId('none') })).toEqual([]);
        expect(await ready({ userId: BOB })).toEqual([]);
      });

      it.each([
        ['running', { status: 'running' }],
        ['waiting for input', { status: 'waiting_input' }],
        ['executed by another process', { status: 'running', external: true }],
        ['a node’s to begin', { node: ONE }],
      ] as const)('none is, but beside others, while one of its thread is %s', async (_, change) => {
        await insert(newRun(a, 1, { ...change, position: 9 }), newRun(a, 2), newRun(a, 3, { policy: 'parallel' }));
        expect(await ready({ threadId: a })).toEqual([3]);
        await write(storage, (tx) => tx.runs.update(runId(a, 1), { status: 'completed' }));
        expect(await ready({ threadId: a })).toEqual([2, 3]);
      });

      it('none is of a user at the limit, but those of other processes', async () => {
        await insert(
          newRun(a, 1, { status: 'running' }),
          newRun(a, 2, { node: ONE, policy: 'parallel' }),
          newRun(b, 3),
          newRun(a, 4, { policy: 'parallel', external: true }),
          newRun(a, 5, { policy: 'parallel', userId: BOB }),
        );
        expect(await ready({ after: 0 }, 2)).toEqual([4, 5]);
        expect(await ready({ after: 0 }, 3)).toEqual([3, 4, 5]);
      });

      it('come page by page, and a page may have none', async () => {
        await insert(...[1, 2, 3].map((n) => newRun(a, n)), newRun(b, 4));
        const seen: number[] = [];
        let pages = 0;
        for (let after: number | null = 0; after !== null; pages += 1) {
          const page = await leases.ready({ after }, 100, 2);
          seen.push(...numbers(page.runs));
          after = page.next;
        }
        expect(seen).toEqual([1, 4]);
        expect(pages).toBeGreaterThan(1);
      });

      it('none is of a thread that was deleted', async () => {
        await insert(newRun(a, 1));
        await write(storage, (tx) => tx.threads.delete(a, 9_000));
        expect(await ready({ after: 0 })).toEqual([]);
      });
    });
  });
}
