import type { Storage } from '../../src/storage/index.js';
import { PostgresStorage } from '../../src/storage/postgres/postgres-storage.js';
import { sharedStorageContracts } from '../../src/testing/contract/index.js';
import { PostgresSchemas } from './postgres-schemas.js';

const schemas = new PostgresSchemas();
const opened = new Map<Storage, string>();

async function open(url: string): Promise<Storage> {
  const storage = new PostgresStorage({ url });
  opened.set(storage, url);
  await storage.open();
  return storage;
}

sharedStorageContracts('PostgreSQL', {
  open: async () => open(await schemas.make()),
  reopen: async (storage) => {
    await storage.close();
    return open(opened.get(storage) ?? '');
  },
  destroy: async () => {
    for (const storage of opened.keys()) await storage.close();
    opened.clear();
    await schemas.remove();
  },
});
