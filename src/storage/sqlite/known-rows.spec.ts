import { describe, expect, it } from '@jest/globals';

import type { RunId, ThreadId } from '../../ids/index.js';
import { KnownRows } from './known-rows.js';

const BOUND = 10_000;
const thread = (n: number) => `thread_${n}` as ThreadId;
const run = (n: number) => `thread_${n}_run_1756919162904_9adf1f09` as RunId;

describe('KnownRows', () => {
  it('know no more threads and runs than their bound: past it they begin anew', () => {
    const known = new KnownRows();
    for (let n = 0; n < BOUND; n += 1) {
      known.knowThread(thread(n), { threadNo: n, head: 7, epoch: 'e' });
      known.knowFence(run(n), { status: 'running', attempt: n });
    }
    expect(known.thread(thread(0))).toEqual({ threadNo: 0, head: 7, epoch: 'e' });
    expect(known.fence(run(0))).toEqual({ status: 'running', attempt: 0 });
    known.knowThread(thread(BOUND), { threadNo: BOUND, head: 1, epoch: 'e' });
    known.knowFence(run(BOUND), { status: 'running', attempt: 1 });
    expect(known.thread(thread(0))).toBeUndefined();
    expect(known.fence(run(0))).toBeUndefined();
    expect(known.thread(thread(BOUND))).toEqual({ threadNo: BOUND, head: 1, epoch: 'e' });
    expect(known.fence(run(BOUND))).toEqual({ status: 'running', attempt: 1 });
  });

  it('keep of a fence what fences, not the run that it was given with', () => {
    const known = new KnownRows();
    const given = { status: 'running', attempt: 1, input: 'long' } as const;
    known.knowFence(run(1), given);
    expect(known.fence(run(1))).toEqual({ status: 'running', attempt: 1 });
  });

  it('forget all of it at once', () => {
    const known = new KnownRows();
    known.knowThread(thread(1), { threadNo: 1, head: 1, epoch: 'e' });
    known.knowFence(run(1), { status: 'running', attempt: 1 });
    known.forget();
    expect(known.thread(thread(1))).toBeUndefined();
    expect(known.fence(run(1))).toBeUndefined();
  });
});
