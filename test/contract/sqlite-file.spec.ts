import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';

import { SqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js';
import { append, Hold, makeThread, newEvents, readAll, write } from '../../src/testing/contract/storage-harness.js';
import { TempDirs } from '../support/temp-dir.js';

describe('The SQLite file', () => {
  const dirs = new TempDirs();
  const closers: { close(): unknown }[] = [];
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await dirs.make();
  });
  afterEach(async () => {
    for (const opened of closers.splice(0).reverse()) await opened.close();
    await dirs.remove();
  });

  function make(dir = dataDir): SqliteStorage {
    const storage = new SqliteStorage({ dataDir: dir });
    closers.push(storage);
    return storage;
  }

  async function open(): Promise<SqliteStorage> {
    const storage = make();
    await storage.open();
    return storage;
  }

  function raw(): Database.Database {
    const db = new Database(join(dataDir, 'threadcast.sqlite'));
    closers.push(db);
    return db;
  }

  it('lies where describe says, readable for its owner alone, in a directory made when missing', async () => {
    const deep = join(dataDir, 'not', 'yet');
    const storage = make(deep);
    expect(existsSync(deep)).toBe(false);
    await storage.open();
    expect(storage.describe()).toBe(`SQLite in ${join(deep, 'threadcast.sqlite')}`);
    expect(statSync(deep).mode & 0o777).toBe(0o700);
    for (const file of ['threadcast.sqlite', 'threadcast.sqlite-wal']) {
      expect(statSync(join(deep, file)).mode & 0o777).toBe(0o600);
    }
  });

  it('says in words when the directory cannot be made', async () => {
    writeFileSync(join(dataDir, 'file'), '');
    const path = join(dataDir, 'file', 'data');
    await expect(make(path).open()).rejects.toThrow(`The data directory ${path} cannot be made or written: ENOTDIR`);
  });

  it('says in words when the file is no database', async () => {
    writeFileSync(join(dataDir, 'threadcast.sqlite'), 'x'.repeat(4_096));
    await expect(open()).rejects.toThrow(/The database .*threadcast.sqlite cannot be opened: file is not a database/);
  });

  it('takes one instance at a time; another is refused in words and does no harm', async () => {
    const first = await open();
    await expect(open()).rejects.toThrow(`The data directory ${dataDir} is in use by another Threadcast.`);
    await expect(open()).rejects.toThrow('in use');
    await append(first, await makeThread(first, 'a'), newEvents(1));
    await first.close();
    await open();
  });

  it('is migrated once', async () => {
    const first = await open();
    const id = await makeThread(first, 'a');
    await append(first, id, newEvents(3));
    await first.close();
    const applied = () => raw().prepare('select name, timestamp from kysely_migration').all();
    const before = applied();
    expect(before.length).toBeGreaterThan(0);
    expect(await readAll(await open(), id)).toHaveLength(3);
    expect(applied()).toEqual(before);
  });

  it('of a newer version is refused in words and left alone', async () => {
    await (await open()).close();
    const db = raw();
    db.exec(`insert into kysely_migration values ('9999_later', '2999-01-01')`);
    await expect(open()).rejects.toThrow(/written by a newer version of Threadcast \(9999_later\)/);
    db.exec(`delete from kysely_migration where name = '9999_later'`);
    await open();
  });

  it('that somebody else has locked is unavailable, and taken up again afterwards', async () => {
    const storage = await open();
    const id = await makeThread(storage, 'a');
    const other = raw();
    other.exec('begin immediate');
    const unavailable = { code: 'storage_unavailable' };
    await expect(append(storage, id, newEvents(1))).rejects.toMatchObject(unavailable);
    await expect(storage.check()).rejects.toMatchObject(unavailable);
    expect(await readAll(storage, id)).toEqual([]);
    other.exec('rollback');
    await storage.check();
    expect(await append(storage, id, newEvents(1))).toEqual([{ firstSeq: 1, head: 1, epoch: `epoch of ${id}` }]);
  });

  it('is read by a check while a transaction is open', async () => {
    const storage = await open();
    const hold = new Hold();
    raw().exec('drop table writers');
    const transaction = write(storage, () => hold.wait());
    await hold.reached;
    await expect(storage.check()).rejects.toMatchObject({ message: 'no such table: writers' });
    hold.release();
    await transaction;
  });

  it('is not asked for two transactions at once: the second is a defect and the first goes on', async () => {
    const storage = await open();
    const id = await makeThread(storage, 'a');
    const hold = new Hold();
    const first = write(storage, async (tx) => {
      await tx.events.append([{ threadId: id, events: newEvents(1) }]);
      await hold.wait();
    });
    await hold.reached;
    await expect(append(storage, id, newEvents(5))).rejects.toThrow('while another one is open');
    hold.release();
    await first;
    expect(await readAll(storage, id)).toHaveLength(1);
  });

  it('takes nothing from a store after its transaction', async () => {
    const storage = await open();
    const id = await makeThread(storage, 'a');
    const leaked = await write(storage, (tx) => Promise.resolve(tx.events));
    await expect(leaked.append([{ threadId: id, events: newEvents(1) }])).rejects.toThrow('after the end');
    expect(await readAll(storage, id)).toEqual([]);
  });

  it('undoes a transaction whose savepoints cross, as a defect', async () => {
    const storage = await open();
    const id = await makeThread(storage, 'a');
    const hold = new Hold();
    const crossed = write(storage, async (tx) => {
      const outer = tx.savepoint(() => tx.events.append([{ threadId: id, events: newEvents(1) }]));
      const inner = tx.savepoint(() => hold.wait());
      await expect(outer).rejects.toThrow('before one that was begun inside it');
      hold.release();
      await inner;
    });
    await expect(crossed).rejects.toThrow('before its savepoints');
    expect(await readAll(storage, id)).toEqual([]);
    expect(await append(storage, id, newEvents(1))).toEqual([{ firstSeq: 1, head: 1, epoch: `epoch of ${id}` }]);
  });

  it('loses an open transaction at close', async () => {
    const storage = await open();
    const id = await makeThread(storage, 'a');
    const hold = new Hold();
    const cut = write(storage, async (tx) => {
      await tx.events.append([{ threadId: id, events: newEvents(1) }]);
      await hold.wait();
    });
    await hold.reached;
    await storage.close();
    hold.release();
    await expect(cut).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await readAll(await open(), id)).toEqual([]);
  });
});
