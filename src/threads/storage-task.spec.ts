import { describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../errors/index.js';
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.js';
import { ManualClock } from '../testing/manual-clock.js';
import { StorageCheck } from './storage-task.js';

/** Counts who asks; never opened. */
class AskedStorage extends SqliteStorage {
  asked = 0;
  well = true;

  override check(): Promise<void> {
    this.asked += 1;
    return this.well ? Promise.resolve() : Promise.reject(new ThreadcastError('storage_unavailable'));
  }
}

describe('The check of the storage', () => {
  it('asks once a second, however many ask for it', async () => {
    const storage = new AskedStorage({ dataDir: 'none' });
    const clock = new ManualClock();
    const check = new StorageCheck(storage, clock);
    for (const answer of await Promise.all(Array.from({ length: 100 }, () => check.check()))) {
      expect(answer).toEqual({ status: 'ok' });
    }
    expect(storage.asked).toBe(1);

    storage.well = false;
    clock.advance(999);
    expect(await check.check()).toEqual({ status: 'ok' });
    clock.advance(1);
    expect(await check.check()).toMatchObject({ status: 'down' });
    expect(storage.asked).toBe(2);
  });
});
