import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { runIdOf, threadIdOfKey, type RunId } from '../ids/index.js';
import type { RunPolicy } from '../protocol/index.js';
import type { RunPlace } from '../storage/index.js';
import { RunScheduler } from './run-scheduler.js';

const LIMITS = { maxRuns: 4, maxRunsPerUser: 2 };

type Step =
  | {
      readonly kind: 'start';
      readonly thread: number;
      readonly user: number;
      readonly policy: RunPolicy;
      readonly external: boolean;
    }
  | { readonly kind: 'end'; readonly which: number }
  | { readonly kind: 'turn' };

const policy = fc.constantFrom<RunPolicy>('queue', 'queue', 'queue', 'parallel', 'interrupt');
/** Executed by another process: in its thread's order, within no limits. */
const external = fc.constantFrom(false, false, true);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('start' as const), thread: fc.nat(3), user: fc.nat(2), policy, external }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat(30) }),
  fc.record({ kind: fc.constant('turn' as const) }),
);

/** Drives a scheduler as the engine does, and checks every step against the rules. */
class Model {
  readonly live: RunPlace[] = [];
  readonly underWay = new Map<RunId, RunPlace>();
  readonly begun = new Set<RunId>();
  #turns: (() => void)[] = [];
  #made = 0;
  readonly scheduler = new RunScheduler(
    LIMITS,
    (run) => this.#begin(run),
    (fire) => this.#turns.push(fire),
  );

  take(next: Step): void {
    if (next.kind === 'turn') this.turn();
    else if (next.kind === 'end') this.end(next.which);
    else this.start(next);
    expect(this.scheduler.waiting).toBe(this.live.length - this.underWay.size);
    for (const run of this.live)
      if (run.external && run.policy === 'parallel') expect([...this.underWay.keys()]).toContain(run.runId);
  }

  start({ thread, user, policy: how, external }: Extract<Step, { kind: 'start' }>): void {
    const threadId = threadIdOfKey(`t${thread}`);
    const queue = this.live.filter((run) => run.threadId === threadId && !this.underWay.has(run.runId));
    const positions = queue.map((run) => run.position);
    const position = how === 'interrupt' ? Math.min(1, ...positions) - 1 : Math.max(0, ...positions) + 1;
    if (how === 'interrupt') {
      for (const run of this.underWay.values()) if (run.threadId === threadId) this.#remove(run);
    }
    const runId = runIdOf(threadId, this.#made++, 'abcdef01');
    const run = { runId, threadId, userId: `user${user}`, policy: how, position, external } as RunPlace;
    this.live.push(run);
    const state = this.scheduler.add(run);
    expect(state).toBe(this.underWay.has(runId) ? 'running' : 'queued');
  }

  end(which: number): void {
    const run = this.live[which % Math.max(1, this.live.length)];
    if (run !== undefined) this.#remove(run);
  }

  turn(): void {
    for (const fire of this.#turns.splice(0)) fire();
  }

  #remove(run: RunPlace): void {
    this.live.splice(this.live.indexOf(run), 1);
    this.underWay.delete(run.runId);
    this.scheduler.release(run.runId);
  }

  #begin(run: RunPlace): void {
    expect(this.begun).not.toContain(run.runId);
    expect(this.live).toContain(run);
    const others = [...this.underWay.values()];
    const own = others.filter((other) => !other.external);
    if (!run.external) {
      expect(own.length).toBeLessThan(LIMITS.maxRuns);
      expect(own.filter((other) => other.userId === run.userId).length).toBeLessThan(LIMITS.maxRunsPerUser);
    }
    if (run.policy !== 'parallel') {
      expect(others.filter((other) => other.threadId === run.threadId)).toEqual([]);
      const before = this.live.filter(
        (other) => other.threadId === run.threadId && other.policy !== 'parallel' && other.position < run.position,
      );
      expect(before).toEqual([]);
    }
    this.begun.add(run.runId);
    this.underWay.set(run.runId, run);
  }
}

describe('The scheduler', () => {
  it('keeps order, limits and places, whatever happens, and lets every run have its turn', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const model = new Model();
        for (const next of steps) model.take(next);
        for (let left = model.live.length; left > 0; left -= 1) {
          model.turn();
          const [first] = model.underWay.values();
          expect(first).toBeDefined();
          model.end(model.live.findIndex((run) => run === first));
        }
        expect(model.live).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('begins nothing when paused', () => {
    const model = new Model();
    model.scheduler.pause();
    model.take({ kind: 'start', thread: 0, user: 0, policy: 'queue', external: false });
    model.take({ kind: 'turn' });

    expect(model.begun.size).toBe(0);
  });
});
