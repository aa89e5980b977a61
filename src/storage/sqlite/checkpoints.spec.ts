import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';

import { Metrics } from '../../metrics/index.js';
import { CheckpointThread, type CopyListener } from './checkpoint-thread.js';
import { Checkpoints } from './checkpoints.js';
import { SqliteWriter } from './writer.js';

const LIMITS = { copyPages: 50, mostPages: 200 };

/** Dies as soon as it begins: the file that it is given is not there. */
const MISSING = '/nowhere/threadcast.sqlite';

let dir: string;
let writer: SqliteWriter;
let metrics: Metrics;
let checkpoints: Checkpoints;
let lines: unknown[];

beforeEach(async () => {
  lines = [];
  const keep = (line: unknown) => lines.push(line);
  Logger.overrideLogger({ log: keep, warn: keep, error: keep, debug: keep });
  dir = await mkdtemp(join(tmpdir(), 'threadcast-'));
  writer = new SqliteWriter();
  writer.open(join(dir, 'test.sqlite'), {}, ['journal_mode = WAL', 'wal_autocheckpoint = 0']);
  writer.db.exec('create table texts (text text)');
  metrics = new Metrics();
});

afterEach(async () => {
  Logger.overrideLogger(['fatal', 'error', 'warn', 'log', 'debug', 'verbose']);
  writer.close();
  await checkpoints.close();
  await rm(dir, { recursive: true });
});

/** Of ten pages. */
async function commit(): Promise<void> {
  const insert = writer.db.prepare('insert into texts values (?)');
  await writer.transaction(() => Promise.resolve(insert.run('x'.repeat(40_000))));
  checkpoints.committed();
}

const copyings = (by: string, outcome: string): Promise<number> =>
  metrics.value('threadcast_storage_checkpoints_total', { by, outcome });

const toldGone = (): unknown[] => lines.filter((line) => String(line).includes('thread that copies'));

describe('Checkpoints whose thread dies', () => {
  let gone: Promise<void>;
  beforeEach(() => {
    let tellGone = (): void => undefined;
    gone = new Promise((resolve) => (tellGone = resolve));
    const start = (listener: CopyListener): CheckpointThread =>
      new CheckpointThread(MISSING, {
        onCopied: (state) => listener.onCopied(state),
        onFailed: (reason) => listener.onFailed(reason),
        onGone: (reason) => {
          listener.onGone(reason);
          tellGone();
        },
      });
    checkpoints = new Checkpoints(writer, start, metrics, LIMITS);
  });

  it('are made by the writer from then on, and that is counted and told', async () => {
    for (let time = 0; time < 30; time += 1) await commit();
    await gone;
    expect(await copyings('thread', 'failed')).toBe(1);
    expect(toldGone()).toHaveLength(1);

    const most: number[] = [];
    for (let time = 0; time < 200; time += 1) {
      await commit();
      most.push(writer.wal().pages);
    }
    expect(Math.max(...most)).toBeLessThan(LIMITS.copyPages + 30);
    expect(await copyings('writer', 'whole')).toBeGreaterThan(10);
    expect(await copyings('thread', 'whole')).toBe(0);
  });

  it('hold up no commit that waits for it', async () => {
    for (let time = 0; time < 30; time += 1) await commit();
    const room = checkpoints.room();
    expect(room).not.toBeNull();
    await room;
    await gone;
    await commit();
    expect(checkpoints.room()).toBeNull();
    expect(writer.wal().pages).toBeLessThan(LIMITS.copyPages);
  });
});

describe('Checkpoints whose thread cannot be started', () => {
  let starts: number;
  beforeEach(() => {
    starts = 0;
    const start = (): never => {
      starts += 1;
      throw new Error('no memory for a thread');
    };
    checkpoints = new Checkpoints(writer, start, metrics, LIMITS);
  });

  it('are made by the writer from the first one on, and no commit fails or waits', async () => {
    const most: number[] = [];
    for (let time = 0; time < 200; time += 1) {
      expect(checkpoints.room()).toBeNull();
      await commit();
      most.push(writer.wal().pages);
    }
    expect(Math.max(...most)).toBeLessThan(LIMITS.copyPages + 30);
    expect(await copyings('writer', 'whole')).toBeGreaterThan(10);
  });

  it('are counted and told once, and it is not started again', async () => {
    for (let time = 0; time < 200; time += 1) await commit();
    expect(starts).toBe(1);
    expect(await copyings('thread', 'failed')).toBe(1);
    expect(toldGone()).toEqual([expect.stringContaining('no memory for a thread')]);
  });
});
