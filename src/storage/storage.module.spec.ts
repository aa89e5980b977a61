import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';

import { Storage, StorageModule } from './index.js';

describe('StorageModule', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'threadcast-'));
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  it.each([
    ['forRoot', () => StorageModule.forRoot({ dataDir })],
    ['forRootAsync', () => StorageModule.forRootAsync({ useFactory: () => ({ dataDir }) })],
  ])('by %s gives a storage that is opened by others and closed with the application', async (_, module) => {
    const app = await Test.createTestingModule({ imports: [module()] }).compile();
    await app.init();
    const storage = app.get(Storage);
    expect(await readdir(dataDir)).toEqual([]);
    await expect(storage.check()).rejects.toMatchObject({ code: 'storage_unavailable' });
    await storage.open();
    await storage.check();
    expect(storage.describe()).toContain(dataDir);
    await app.close();
    await expect(storage.check()).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});
