import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { SqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js';
import { append, newEvents, range, readAll, seqs, threadId } from '../../src/testing/contract/storage-harness.js';
import { Child } from '../support/child.js';
import { TempDirs } from '../support/temp-dir.js';

const SCRIPT = new URL('./sqlite-child.ts', import.meta.url);

describe('SQLite and processes', () => {
  const dirs = new TempDirs();
  const children: Child[] = [];
  let dataDir: string;
  let storage: SqliteStorage;
  beforeEach(async () => {
    dataDir = await dirs.make();
    storage = new SqliteStorage({ dataDir });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
    await storage.close();
    await dirs.remove();
  });

  function start(task: 'hold' | 'write' | 'fill', options = {}): Child {
    const child = new Child(SCRIPT, [task, dataDir], options);
    children.push(child);
    return child;
  }

  it('refuse a second process, and give way when the first is killed', async () => {
    const child = start('hold');
    expect(await child.line()).toBe('open');
    await expect(storage.open()).rejects.toThrow(`The data directory ${dataDir} is in use by another Threadcast.`);
    await child.kill('SIGKILL');
    await storage.open();
    expect(await start('hold').line()).toContain('in use by another Threadcast');
  });

  it('keep all that was answered when the process is killed while it writes', async () => {
    const child = start('write');
    expect(await child.line()).toBe('open');
    const said: number[] = [];
    while (said.length < 200) said.push(Number(await child.line()));
    await child.kill('SIGKILL');
    said.push(...(await child.rest()).map(Number));
    expect(said).toEqual(range(1, said.length).map((n) => n * 7));

    await storage.open();
    const id = threadId('killed');
    const log = await readAll(storage, id);
    expect(log.length).toBeGreaterThanOrEqual(said.length * 7);
    expect(log.length % 7).toBe(0);
    expect(seqs(log)).toEqual(range(1, log.length));
    expect((await storage.events.head(id))?.head).toBe(log.length);
    const texts = newEvents(7).map((event) => event.data);
    expect(log.map((event) => event.data)).toEqual(log.map((_, i) => texts[i % 7]));
    expect(await append(storage, id, newEvents(1))).toEqual([
      { firstSeq: log.length + 1, head: log.length + 1, epoch: `epoch of ${id}` },
    ]);
  });

  it('answer storage_unavailable when the disk takes no more, and lose nothing of before', async () => {
    const child = start('fill', { fileLimitKb: 2_000 });
    expect(await child.line()).toBe('open');
    const [first, second, heads = ''] = await child.rest();
    expect([first, second]).toEqual(['storage_unavailable', 'storage_unavailable']);
    const [answered, read] = heads.split(' ').map(Number);
    expect(answered).toBeGreaterThan(10);
    expect(read).toBe(answered);

    await storage.open();
    const id = threadId('full');
    expect(seqs(await readAll(storage, id))).toEqual(range(1, answered ?? 0));
    expect(await append(storage, id, newEvents(1))).toEqual([
      { firstSeq: (answered ?? 0) + 1, head: (answered ?? 0) + 1, epoch: `epoch of ${id}` },
    ]);
  });
});
