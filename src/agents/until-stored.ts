import type { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;
/** Tries of what fails with a defect's error, which says nothing of whether another try helps. */
const MAX_DEFECTS = 4;

/**
 * Does work that must not be lost, again and again with growing delays, while the storage is not available. Rejects
 * with any other code at once, for another try would be refused alike, and with an error without a code after a few
 * tries. Undefined: `givenUp` said so between two tries.
 */
export async function untilStored<T>(
  clock: Clock,
  work: (tried: number) => Promise<T>,
  givenUp: () => boolean,
  onDelay: (reason: unknown, delayMs: number) => void,
): Promise<T | undefined> {
  let delayMs = FIRST_DELAY_MS;
  let defects = 0;
  for (let tried = 0; !givenUp(); tried += 1) {
    try {
      return await work(tried);
    } catch (error) {
      const coded = error instanceof ThreadcastError;
      if (coded && error.code !== 'storage_unavailable') throw error;
      if (!coded) defects += 1;
      if (defects >= MAX_DEFECTS) throw error;
      onDelay(error, delayMs);
      await clock.sleep(delayMs);
      delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2);
    }
  }
  return undefined;
}
