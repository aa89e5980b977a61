import type { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

/**
 * Does work that must not be lost, again and again with growing delays, until the storage takes it. Rejects where
 * another try would be refused alike: for every error with a code but `storage_unavailable`. Undefined: `given up`
 * said so between two tries.
 */
export async function untilStored<T>(
  clock: Clock,
  work: (tried: number) => Promise<T>,
  givenUp: () => boolean,
  onDelay: (reason: unknown, delayMs: number) => void,
): Promise<T | undefined> {
  let delayMs = FIRST_DELAY_MS;
  for (let tried = 0; !givenUp(); tried += 1) {
    try {
      return await work(tried);
    } catch (error) {
      if (error instanceof ThreadcastError && error.code !== 'storage_unavailable') throw error;
      onDelay(error, delayMs);
      await clock.sleep(delayMs);
      delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2);
    }
  }
  return undefined;
}
