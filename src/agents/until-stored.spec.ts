import { describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../errors/index.js';
import { ManualClock } from '../testing/manual-clock.js';
import { untilStored } from './until-stored.js';

/** Does work that fails so often, with time passing at each delay. */
async function tries(failures: number, reason: () => Error): Promise<{ tried: number; outcome: unknown }> {
  const clock = new ManualClock();
  let tried = 0;
  const work = async (): Promise<string> => {
    tried += 1;
    if (tried <= failures) throw reason();
    return 'stored';
  };
  const pass = (_reason: unknown, delayMs: number): void => clock.soon(() => clock.advance(delayMs));
  const outcome = await untilStored(clock, work, () => false, pass).catch((error: unknown) => error);
  return { tried, outcome };
}

describe('Work that must not be lost', () => {
  it('is repeated for as long as the storage is not available', async () => {
    const unavailable = (): Error => new ThreadcastError('storage_unavailable');
    expect(await tries(50, unavailable)).toEqual({ tried: 51, outcome: 'stored' });
  });

  it('is repeated a few times after an error that says nothing, and then rejects with it', async () => {
    const defect = (): Error => new Error('no such column');
    expect(await tries(2, defect)).toEqual({ tried: 3, outcome: 'stored' });
    expect(await tries(50, defect)).toEqual({ tried: 4, outcome: defect() });
  });

  it('is not repeated where it was refused', async () => {
    const { tried, outcome } = await tries(50, () => new ThreadcastError('message_too_large'));
    expect(tried).toBe(1);
    expect(outcome).toMatchObject({ code: 'message_too_large' });
  });
});
