import { randomInt } from 'node:crypto';

import fc from 'fast-check';

/** Inputs of all suites together. */
const DEFAULT_INPUTS = 60_000;

/** How a run of the fuzz suite was asked for: FUZZ_SEED makes the same inputs again, FUZZ_RUNS more or fewer of them. */
export interface FuzzRun {
  readonly seed: number;
  /** Of this suite. */
  readonly inputs: number;
}

/** Prints what is needed to do it again. `share`: the part of all inputs that is this suite's. */
export function fuzzRun(suite: string, share: number): FuzzRun {
  const given = Number(process.env['FUZZ_SEED'] ?? '');
  const seed = given > 0 ? given : randomInt(1, 2_000_000_000);
  const runs = Number(process.env['FUZZ_RUNS'] ?? '');
  const inputs = Math.round((runs > 0 ? runs : DEFAULT_INPUTS) * share);
  process.stdout.write(`\nfuzz ${suite}: about ${inputs} inputs, FUZZ_SEED=${seed}\n`);
  return { seed, inputs };
}

const BATCHES_AT_ONCE = 25;

/**
 * Tries one batch of inputs after the other until there were so many. A batch that fails is made smaller until the
 * smallest one that fails is found, and is told with its seed.
 */
export async function fuzz<T>(
  { seed, inputs }: FuzzRun,
  batch: fc.Arbitrary<T>,
  attempt: (batch: T) => Promise<void>,
  sent: () => number,
): Promise<void> {
  const before = sent();
  for (let round = 0; sent() - before < inputs; round += 1) {
    await fc.assert(fc.asyncProperty(batch, attempt), { seed: seed + round, numRuns: BATCHES_AT_ONCE });
  }
}
