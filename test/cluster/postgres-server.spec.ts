import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TcpProxy, TestClient, TestServer, checkContiguous } from '../../src/testing/index.js';
import { ServerProcess } from '../fault/server-process.js';
import { TempDirs } from '../support/temp-dir.js';
import { TEST_DATABASE_URL } from './database-url.js';
import { PostgresSchemas } from './postgres-schemas.js';

const REFUSED = { ok: false, error: { code: 'storage_unavailable', retryable: true } };
/** The storage is checked once a second, and the answer is given to all who ask meanwhile. */
const MANY_TRIES = 20_000;

describe('A server on PostgreSQL', () => {
  const schemas = new PostgresSchemas();
  const dirs = new TempDirs();
  const servers: (TestServer | ServerProcess)[] = [];
  const clients: TestClient[] = [];
  let proxy: TcpProxy;
  let url: string;
  let dataDir: string;

  beforeEach(async () => {
    const { hostname, port } = new URL(TEST_DATABASE_URL);
    proxy = await TcpProxy.start({ host: hostname, port: port === '' ? 5432 : Number(port) });
    url = await schemas.make();
    dataDir = await dirs.make();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const server of servers.splice(0)) await (server instanceof TestServer ? server.close() : server.end());
    await proxy.close();
    await schemas.remove();
    await dirs.remove();
  });

  async function serve(address = url): Promise<TestServer> {
    const server = await TestServer.start({ dataDir, env: { DATABASE_URL: address } });
    servers.push(server);
    return server;
  }

  async function connect(server: ServerProcess, userId: string): Promise<TestClient> {
    const client = new TestClient(server.url, { auth: { token: await server.token(userId) } });
    clients.push(client);
    await client.next('connection_ready');
    return client;
  }

  async function readiness(server: TestServer, status: number, tries = MANY_TRIES): Promise<number> {
    const answer = await fetch(`${server.url}/health/ready`);
    await answer.arrayBuffer();
    return answer.status === status || tries <= 1 ? answer.status : readiness(server, status, tries - 1);
  }

  async function logOf(client: TestClient, threadId: unknown) {
    const { events } = await client.ask('get_thread_history', { threadId, limit: 1_000 });
    return events as { seq: number; type: string; data: { messageId?: string } }[];
  }

  it('serves two users, and after a restart the same events under the same numbers', async () => {
    const first = await serve();
    const [alice, bob] = [await first.ready('alice'), await first.ready('bob')];
    const { threadId } = await alice.ask('user_message', { content: 'hello big world', messageId: 'm-1' });
    await alice.next('agent_completed');
    const path = `/api/threads/${String(threadId)}/members/bob`;
    expect((await first.fetch('alice', path, { method: 'PUT' })).ok).toBe(true);
    await bob.ask('switch_thread', { threadId, after: 0 });
    await bob.next('agent_completed');
    const own = await bob.ask('create_thread', {});
    expect(await alice.request('switch_thread', { threadId: own['threadId'] })).toMatchObject({ ok: false });
    checkContiguous(bob.events(threadId));
    const log = await logOf(alice, threadId);
    await first.stop();

    const second = await serve();
    const again = await second.ready('alice');
    expect(await logOf(again, threadId)).toEqual(log);
    const repeated = await again.ask('user_message', { threadId, content: 'hello big world', messageId: 'm-1' });
    expect(repeated['duplicate']).toBe(true);
    await again.ask('switch_thread', { threadId, after: 0 });
    await again.next('agent_completed');
    await again.ask('user_message', { threadId, content: 'and on', messageId: 'm-2' });
    await again.next('agent_completed');
    const longer = await logOf(again, threadId);
    expect(longer.slice(0, log.length)).toEqual(log);
    expect(longer.map(({ seq }) => seq)).toEqual(longer.map((_, index) => index + 1));
    checkContiguous(again.events(threadId));
  });

  it.each([
    ['request', false],
    ['answer', true],
  ] as const)('stores a message once whose COMMIT was cut off (%s)', async (direction, stored) => {
    const server = await serve(proxy.through(url));
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('create_thread', {});
    await alice.ask('switch_thread', { threadId, after: 0 });
    const message = { threadId, content: 'hello', messageId: 'm-1' };
    const cut = proxy.at(direction, 'COMMIT');
    const asked = alice.request('user_message', message);
    await cut;
    expect(await asked).toMatchObject(stored ? { ok: true, duplicate: false } : REFUSED);
    expect(await alice.ask('user_message', message)).toMatchObject({ ok: true, duplicate: stored });
    await alice.next('agent_completed');
    const log = await logOf(alice, threadId);
    expect(log.filter(({ type }) => type === 'message_created' || type === 'agent_completed')).toHaveLength(2);
    expect(log.filter(({ data }) => data.messageId === 'm-1')).toHaveLength(1);
    checkContiguous(alice.events(threadId));
  });

  it('refuses appends and is not ready while PostgreSQL is away, and is back with it', async () => {
    const server = await serve(proxy.through(url));
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('create_thread', {});
    expect(await readiness(server, 200)).toBe(200);
    proxy.cut();
    const asked = alice.request('user_message', { threadId, content: 'hello', messageId: 'm-1' });
    expect(await readiness(server, 503)).toBe(503);
    proxy.restore();
    // Refused, unless it was still retried when the storage came back; then it is stored, once.
    const answer = await asked;
    expect(answer.ok ? REFUSED : answer).toMatchObject(REFUSED);
    expect(await readiness(server, 200)).toBe(200);
    expect(await alice.ask('user_message', { threadId, content: 'hello', messageId: 'm-1' })).toMatchObject({
      duplicate: answer.ok,
    });
    const log = await logOf(alice, threadId);
    expect(log.filter(({ data }) => data.messageId === 'm-1')).toHaveLength(1);
  });

  it('keeps a second process out until the first is gone, and has all that was answered after kill -9', async () => {
    const first = new ServerProcess({ dataDir, env: { DATABASE_URL: url } });
    servers.push(first);
    await first.ready();
    const [alice, bob] = [await connect(first, 'alice'), await connect(first, 'bob')];
    const { threadId } = await alice.ask('create_thread', {});
    const own = await bob.ask('create_thread', {});
    for (let n = 1; n <= 20; n += 1) {
      await alice.ask('user_message', { threadId, content: `word ${n}`, messageId: `m-${n}`, policy: 'queue' });
    }
    await expect(serve()).rejects.toThrow('it is in use by another Threadcast');
    first.kill('SIGKILL');
    await first.exit();
    const back = await (await serve()).ready('alice');
    const log = await logOf(back, threadId);
    const said = log.filter(({ type }) => type === 'message_created').map(({ data }) => data.messageId);
    for (let n = 1; n <= 20; n += 1) expect(said.filter((id) => id === `m-${n}`)).toHaveLength(1);
    expect(await back.request('switch_thread', { threadId: own['threadId'] })).toMatchObject({ ok: false });
  });
});
