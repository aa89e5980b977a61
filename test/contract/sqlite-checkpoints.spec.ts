import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';

import { Metrics } from '../../src/metrics/index.js';
import { SqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js';
import type { ThreadId } from '../../src/ids/index.js';
import { append, makeThread, newEvent, range, readAll, seqs } from '../../src/testing/contract/storage-harness.js';
import { TempDirs } from '../support/temp-dir.js';

const LIMITS = { copyPages: 50, mostPages: 200 };
/** A page in the log has a header of 24 bytes beside it, and the log one of 32. */
const FRAME_BYTES = 4_096 + 24;
/** One commit of this test is of fewer pages. */
const COMMIT_PAGES = 20;

describe('The write-ahead log of SQLite', () => {
  const dirs = new TempDirs();
  const others: Database.Database[] = [];
  let wal: string;
  let metrics: Metrics;
  let storage: SqliteStorage;
  let id: ThreadId;
  beforeEach(async () => {
    const dataDir = await dirs.make();
    wal = join(dataDir, 'threadcast.sqlite-wal');
    metrics = new Metrics();
    storage = new SqliteStorage({ dataDir, metrics, checkpoints: LIMITS });
    await storage.open();
    id = await makeThread(storage, 'busy');
  });
  afterEach(async () => {
    for (const db of others.splice(0)) db.close();
    await storage.close();
    await dirs.remove();
  });

  async function commit(times: number): Promise<void> {
    const event = newEvent('x'.repeat(10_000));
    for (let time = 0; time < times; time += 1) await append(storage, id, [event]);
  }

  function copyings(by: string, outcome: string): Promise<number> {
    return metrics.value('threadcast_storage_checkpoints_total', { by, outcome });
  }

  /** Somebody who reads the database as it is now, for as long as he likes. */
  function reader(): Database.Database {
    const db = new Database(wal.replace(/-wal$/, ''), { readonly: true });
    others.push(db);
    db.exec('begin');
    db.prepare('select count(*) from events').get();
    return db;
  }

  it('stays short however much is written, copied by a thread, and begins anew', async () => {
    await commit(1_000);

    expect(statSync(wal).size).toBeLessThan((LIMITS.mostPages + COMMIT_PAGES) * FRAME_BYTES);
    expect(await copyings('thread', 'whole')).toBeGreaterThan(10);
    expect((await copyings('thread', 'failed')) + (await copyings('writer', 'failed'))).toBe(0);
    const held = await metrics.value('threadcast_storage_wal_bytes', {});
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan((LIMITS.mostPages + COMMIT_PAGES) * 4_096);
    expect(seqs(await readAll(storage, id))).toEqual(range(1, 1_000));
  });

  it('grows under a reader of an older state, is not copied at each commit for that, and is short again afterwards', async () => {
    const old = reader();
    await commit(1_000);
    expect(statSync(wal).size).toBeGreaterThan(LIMITS.mostPages * FRAME_BYTES * 5);
    expect(old.prepare('select count(*) from events').pluck().get()).toBe(0);
    const tries = (await copyings('thread', 'part')) + (await copyings('writer', 'part'));
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(400);
    expect(await metrics.value('threadcast_storage_wal_bytes', {})).toBeGreaterThan(LIMITS.mostPages * 4_096 * 5);

    old.exec('rollback');
    await commit(100);
    expect(statSync(wal).size).toBeLessThan((LIMITS.mostPages + COMMIT_PAGES) * FRAME_BYTES);
    expect(seqs(await readAll(storage, id))).toEqual(range(1, 1_100));
  });

  it('is gone with the thread and its connection once the storage is closed, also while the thread copies', async () => {
    await commit(40);
    await storage.close();
    expect(existsSync(wal)).toBe(false);
    expect(existsSync(wal.replace(/-wal$/, '-shm'))).toBe(false);
  });
});
