import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadId } from '../../src/ids/index.js';
import { PostgresStorage } from '../../src/storage/postgres/postgres-storage.js';
import { append, makeThread, newEvents, range, readAll, seqs } from '../../src/testing/contract/storage-harness.js';
import { TcpProxy } from '../../src/testing/index.js';
import { TEST_DATABASE_URL } from './database-url.js';
import { PostgresSchemas, query } from './postgres-schemas.js';

const UNAVAILABLE = { code: 'storage_unavailable' };
const TIMEOUT_MS = 500;

describe('PostgreSQL over a bad network', () => {
  const schemas = new PostgresSchemas();
  const storages: PostgresStorage[] = [];
  let proxy: TcpProxy;
  let url: string;
  let storage: PostgresStorage;
  let id: ThreadId;

  beforeEach(async () => {
    const { hostname, port } = new URL(TEST_DATABASE_URL);
    proxy = await TcpProxy.start({ host: hostname, port: port === '' ? 5432 : Number(port) });
    url = await schemas.make();
    storage = await open(proxy.through(url));
    id = await makeThread(storage, 'a');
    await append(storage, id, newEvents(2));
  });

  afterEach(async () => {
    for (const one of storages.splice(0)) await one.close();
    await proxy.close();
    await schemas.remove();
  });

  async function open(address: string): Promise<PostgresStorage> {
    const opened = new PostgresStorage({ url: address, timeoutMs: TIMEOUT_MS });
    storages.push(opened);
    await opened.open();
    return opened;
  }

  /** Each connection that broke may cost one answer: whoever takes it out of the pool learns of it then. */
  async function answering(tries = 20): Promise<void> {
    await storage.check().catch((error: unknown) => {
      if (tries <= 1) throw error;
      return answering(tries - 1);
    });
  }

  function appendAs(batchId: string): Promise<unknown> {
    return storage.transact(batchId, (tx) => tx.events.append([{ threadId: id, events: newEvents(3) }]));
  }

  it.each([
    ['cut before the server has it', 'request', 'cut', false],
    ['cut behind it, its answer lost', 'answer', 'cut', true],
    ['silent before the server has it', 'request', 'silence', false],
    ['silent behind it, its answer lost', 'answer', 'silence', true],
  ] as const)('knows what became of a COMMIT whose connection was %s', async (_, direction, how, stored) => {
    const cut = proxy.at(direction, 'COMMIT', how);
    const outcome = expect(appendAs('lost')).rejects.toMatchObject(UNAVAILABLE);
    await cut;
    await outcome;
    expect(await storage.wasCommitted('lost')).toBe(stored);
    if (!stored) await appendAs('again');
    expect(seqs(await readAll(storage, id))).toEqual(range(1, 5));
    await append(storage, id, newEvents(1));
    expect(seqs(await readAll(storage, id))).toEqual(range(1, 6));
  });

  it('leaves nothing half done where the connection is lost inside a transaction', async () => {
    const lost = storage.transact('lost', async (tx) => {
      await tx.events.append([{ threadId: id, events: newEvents(3) }]);
      proxy.cut();
      proxy.restore();
      await tx.events.append([{ threadId: id, events: newEvents(3) }]);
    });
    await expect(lost).rejects.toMatchObject(UNAVAILABLE);
    expect(await storage.wasCommitted('lost')).toBe(false);
    await appendAs('again');
    expect(seqs(await readAll(storage, id))).toEqual(range(1, 5));
  });

  it.each(['cut', 'silence'] as const)(
    'refuses all while the server is away (%s), and is back with it',
    async (how) => {
      proxy[how]();
      await expect(storage.check()).rejects.toMatchObject(UNAVAILABLE);
      await expect(readAll(storage, id)).rejects.toMatchObject(UNAVAILABLE);
      await expect(appendAs('away')).rejects.toMatchObject({ ...UNAVAILABLE, retryAfterMs: 1_000 });
      await expect(storage.wasCommitted('away')).rejects.toMatchObject(UNAVAILABLE);
      proxy.restore();
      expect(await storage.wasCommitted('away')).toBe(false);
      await storage.check();
      await appendAs('again');
      expect(seqs(await readAll(storage, id))).toEqual(range(1, 5));
    },
  );

  it('keeps a second one out, also when its own connections have broken', async () => {
    const taken = /^The database .*\/\w+ cannot be opened: it is in use by another Threadcast\. Stop that one/;
    await expect(open(url)).rejects.toThrow(taken);
    await query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where pid <> pg_backend_pid() and application_name like 'threadcast %' and
          pid in (select pid from pg_locks where locktype = 'advisory' and objid = hashtext($1)::oid)`,
      [new URL(url).searchParams.get('options')?.split('=')[1]],
    );
    proxy.cut();
    proxy.restore();
    await answering();
    await expect(open(url)).rejects.toThrow(taken);
    await appendAs('after');
  });

  it('writes no more where another one has taken the database over meanwhile', async () => {
    proxy.cut();
    const other = await open(url);
    proxy.restore();
    await expect(appendAs('late')).rejects.toMatchObject(UNAVAILABLE);
    await expect(storage.check()).rejects.toMatchObject(UNAVAILABLE);
    await other.close();
    await expect(appendAs('later')).rejects.toThrow('Another process has taken the database over.');
    await expect(storage.check()).rejects.toThrow('Another process has taken the database over.');
    expect(seqs(await readAll(storage, id))).toEqual([1, 2]);
  });

  it('says where the data lies without credentials', () => {
    const { host, pathname } = new URL(TEST_DATABASE_URL);
    const secret = new PostgresStorage({ url: `postgres://ada:hunter2@${host}${pathname}?password=hunter2` });
    expect(secret.describe()).toBe(`PostgreSQL at ${host}${pathname}`);
  });

  it('keeps texts with characters that PostgreSQL has no room for', async () => {
    const user = 'nul \u0000 back\\slash \\0';
    const title = '\u0000\\';
    await storage.transact('texts', async (tx) => {
      await tx.threads.addMember(id, user, 9_000);
      await tx.threads.update(id, { title }, 9_000);
    });
    expect(await storage.threads.get(id)).toMatchObject({ title, members: [user] });
    expect(await storage.threads.access(id, user)).toMatchObject({ role: 'member' });
    expect(await storage.threads.access(id, user.replace('\u0000', '\\0'))).toBeNull();
  });
});
