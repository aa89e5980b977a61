import type { Storage } from '../../src/storage/index.js';
import { SqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js';
import { storageContracts } from '../../src/testing/contract/index.js';
import { TempDirs } from '../support/temp-dir.js';

const dirs = new TempDirs();
const opened = new Map<Storage, string>();

async function open(dataDir: string): Promise<Storage> {
  const storage = new SqliteStorage({ dataDir });
  opened.set(storage, dataDir);
  await storage.open();
  return storage;
}

storageContracts('SQLite', {
  open: async () => open(await dirs.make()),
  reopen: async (storage) => {
    await storage.close();
    return open(opened.get(storage) ?? '');
  },
  destroy: async () => {
    for (const storage of opened.keys()) await storage.close();
    opened.clear();
    await dirs.remove();
  },
});
