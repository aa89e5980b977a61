import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { PostgresStorage } from '../../src/storage/postgres/postgres-storage.js';
import {
  append,
  makeThread,
  newEvents,
  newThread,
  range,
  readAll,
  seqs,
  threadId,
} from '../../src/testing/contract/storage-harness.js';
import { Gate, TcpProxy } from '../../src/testing/index.js';
import { TEST_DATABASE_URL } from './database-url.js';
import { PostgresSchemas, query } from './postgres-schemas.js';

const UNAVAILABLE = { code: 'storage_unavailable' };
const TIMEOUT_MS = 500;

describe('Several processes on one PostgreSQL', () => {
  const schemas = new PostgresSchemas();
  const storages: PostgresStorage[] = [];
  let url: string;

  beforeEach(async () => {
    url = await schemas.make();
  });

  afterEach(async () => {
    for (const one of storages.splice(0)) await one.close();
    await schemas.remove();
  });

  async function open(isShared: boolean, address = url): Promise<PostgresStorage> {
    const opened = new PostgresStorage({ url: address, isShared, timeoutMs: TIMEOUT_MS });
    storages.push(opened);
    await opened.open();
    return opened;
  }

  it('open it together, and number the events of one thread without a hole', async () => {
    const nodes = await Promise.all([open(true), open(true), open(true)]);
    const id = await makeThread(nodes[0], 'a');
    await Promise.all(
      nodes.map(async (node) => {
        for (let n = 0; n < 20; n += 1) await append(node, id, newEvents(2));
      }),
    );
    for (const node of nodes) {
      expect(seqs(await readAll(node, id))).toEqual(range(1, 120));
      await node.check();
    }
  });

  it('one of which does not share, is refused beside those that do, and keeps them out', async () => {
    const shared = await open(true);
    await expect(open(false)).rejects.toThrow(/in use by another Threadcast\. Stop that one/);
    await shared.close();
    const alone = await open(false);
    await expect(open(true)).rejects.toThrow(/in use by another Threadcast that has no REDIS_URL/);
    await append(alone, await makeThread(alone, 'a'), newEvents(1));
  });

  it('know what became of their own last batch each', async () => {
    const [a, b] = [await open(true), await open(true)];
    const id = await makeThread(a, 'a');
    await a.transact('of a', (tx) => tx.events.append([{ threadId: id, events: newEvents(1) }]));
    await b.transact('of b', (tx) => tx.events.append([{ threadId: id, events: newEvents(1) }]));
    expect([await a.wasCommitted('of a'), await a.wasCommitted('of b')]).toEqual([true, false]);
    expect([await b.wasCommitted('of b'), await b.wasCommitted('of a')]).toEqual([true, false]);
  });

  it('one that comes back from a network of its own goes on, and is fenced by one that was alone meanwhile', async () => {
    const { hostname, port } = new URL(TEST_DATABASE_URL);
    const proxy = await TcpProxy.start({ host: hostname, port: port === '' ? 5432 : Number(port) });
    try {
      const away = await open(true, proxy.through(url));
      const id = await makeThread(away, 'a');
      proxy.cut();
      const other = await open(true);
      proxy.restore();
      await answering(away);
      await append(away, id, newEvents(1));
      await append(other, id, newEvents(1));
      await other.close();

      proxy.cut();
      const alone = await open(false);
      proxy.restore();
      await expect(append(away, id, newEvents(1))).rejects.toMatchObject(UNAVAILABLE);
      await alone.close();
      await expect(append(away, id, newEvents(1))).rejects.toThrow('Another process has taken the database over.');
    } finally {
      await proxy.close();
    }
  });

  it('that wait for each other in a circle both get through', async () => {
    const [a, b] = await Promise.all([url, url].map((address) => openPatiently(address)));
    const [madeX, madeY] = [new Gate(), new Gate()];
    const make = (node: PostgresStorage | undefined, first: string, done: Gate, other: Gate, second: string) =>
      node?.transact(`make ${first}`, async (tx) => {
        await tx.threads.create(newThread(threadId(first)));
        done.open();
        await other.opened;
        await tx.threads.create(newThread(threadId(second)));
        await tx.events.append([{ threadId: threadId(first), events: newEvents(1) }]);
      });
    await Promise.all([make(a, 'x', madeX, madeY, 'y'), make(b, 'y', madeY, madeX, 'x')]);
    for (const key of ['x', 'y']) expect(seqs(await readAll(a!, threadId(key)))).toEqual([1]);
  });

  /** As long as the server needs to see that processes wait for each other. */
  async function openPatiently(address: string): Promise<PostgresStorage> {
    const opened = new PostgresStorage({ url: address, isShared: true });
    storages.push(opened);
    await opened.open();
    return opened;
  }

  it('many of which have come and gone, leave the row of one that is still there', async () => {
    const stays = await open(true);
    const id = await makeThread(stays, 'a');
    await query(
      `insert into writers (batch_id, shared, session) select '', true, 'gone ' || n from generate_series(1, 300) as n`,
      [],
      url,
    );
    await open(true);
    const [{ count } = { count: -1 }] = await query<{ count: number }>(
      `select count(*)::int from writers where session like 'gone %'`,
      [],
      url,
    );
    expect(count).toBeLessThan(150);
    await append(stays, id, newEvents(1));
  });

  /** Each connection that broke may cost one answer. */
  async function answering(storage: PostgresStorage, tries = 20): Promise<void> {
    await storage.check().catch((error: unknown) => {
      if (tries <= 1) throw error;
      return answering(storage, tries - 1);
    });
  }
});
