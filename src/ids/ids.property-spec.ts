import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ThreadcastError } from '../errors/index.js';
import { isConnectionId, isThreadId, parseRunId, parseThreadId, RandomIdGenerator, runIdOf } from './index.js';

const ids = new RandomIdGenerator();
const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const mark = fc.string({ unit: fc.constantFrom('A', 'Z', 'a', 'z', '0', '9'), minLength: 1, maxLength: 32 });

/** Near the grammar's edges: built from the pieces that ids are made of. */
const idLike = fc
  .array(fc.constantFrom('thread_', 'thread', 'run_', '_run_', '_run', 'run', '_', '__', '-', '1', 'a', 'deadbeef'), {
    maxLength: 12,
  })
  .map((pieces) => pieces.join(''));
const threadId = idLike.map((text) => `thread_${text}`).filter(isThreadId);

/** Null where it is refused as it should be; anything else that is thrown fails the property. */
function read<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ThreadcastError && error.code === 'invalid_id') return null;
    throw error;
  }
}

describe('the grammar of ids', () => {
  it('reads back what the generator makes', () => {
    fc.assert(
      fc.property(time, (now) => {
        const thread = ids.threadId();
        const run = ids.runId(thread, now);
        expect(parseThreadId(thread)).toBe(thread);
        expect(parseRunId(run)).toEqual({ runId: run, threadId: thread });
        expect(run).toMatch(/^thread_[0-9a-f]{16}_run_\d+_[0-9a-f]{8}$/);
        expect(isConnectionId(ids.connectionId())).toBe(true);
      }),
    );
  });

  it('lets every valid thread have runs, in each form', () => {
    fc.assert(
      fc.property(threadId, time, mark, (thread, now, end) => {
        const key = thread.slice('thread_'.length);
        const run = runIdOf(thread, now, end);
        expect(parseRunId(run)).toEqual({ runId: run, threadId: thread });
        expect(parseRunId(`thread_thread_${run}`)).toEqual({ runId: run, threadId: thread });
        const legacy = { runId: `run_${key}_0a1b2c3d`, threadId: thread };
        expect(parseRunId(`run_${key}_0a1b2c3d`)).toEqual(legacy);
        expect(parseRunId(`run_${thread}_0a1b2c3d`)).toEqual(legacy);
      }),
      { numRuns: 500 },
    );
  });

  it('normalises what it accepts once and for all, and refuses the rest as invalid_id', () => {
    const anything = fc.oneof(
      idLike,
      fc.tuple(idLike, time, mark).map(([text, now, end]) => `thread_${text}_run_${now}_${end}`),
      idLike.map((text) => `run_${text}_deadbeef`),
      fc.string({ unit: 'binary' }),
      fc.anything(),
    );
    fc.assert(
      fc.property(anything, (received) => {
        const parsed = read(() => parseRunId(received));
        if (parsed === null) return;
        expect(isThreadId(parsed.threadId)).toBe(true);
        expect(parseRunId(parsed.runId)).toEqual(parsed);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes a changed id for another one, or refuses it', () => {
    const change = fc.record({ at: fc.nat(), drop: fc.nat(2), add: fc.string({ unit: 'binary', maxLength: 2 }) });
    fc.assert(
      fc.property(threadId, time, mark, change, (thread, now, end, { at, drop, add }) => {
        const run = runIdOf(thread, now, end);
        const from = at % (run.length + 1);
        const changed = run.slice(0, from) + add + run.slice(from + drop);
        const parsed = read(() => parseRunId(changed));
        if (parsed === null) return;
        const [, prefix = '', rest = ''] = /^(run_|thread_)(.*)$/s.exec(parsed.runId) ?? [];
        expect(changed.startsWith(prefix)).toBe(true);
        expect(changed.endsWith(rest)).toBe(true);
        expect(changed.slice(prefix.length, changed.length - rest.length)).toMatch(/^(thread_)*$/);
      }),
      { numRuns: 1000 },
    );
  });

  it('never refuses a thread id in two ways', () => {
    fc.assert(
      fc.property(fc.oneof(idLike, fc.string({ unit: 'binary' }), fc.anything()), (received) => {
        expect(read(() => parseThreadId(received)) !== null).toBe(isThreadId(received));
      }),
      { numRuns: 1000 },
    );
  });

  it('makes no token twice', () => {
    const made = Array.from({ length: 1000 }, () => ids.token('msg'));
    expect(new Set(made).size).toBe(made.length);
    expect(made[0]).toMatch(/^msg_[0-9a-f]{32}$/);
    expect(ids.epoch()).toMatch(/^[0-9a-f]{16}$/);
    expect(ids.secret()).toMatch(/^[0-9a-f]{64}$/);
  });
});
