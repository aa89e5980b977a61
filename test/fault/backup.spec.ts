import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterEach, describe, expect, it } from '@jest/globals';

import { TestClient } from '../../src/testing/test-client.js';
import { TempDirs } from '../support/temp-dir.js';
import { readLogs } from './logs.js';
import { ServerProcess } from './server-process.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** The commands of docs/operations.md under this heading, as they stand there. */
async function commandsOf(heading: string): Promise<string> {
  const document = await readFile(join(ROOT, 'docs/operations.md'), 'utf8');
  const section = document.split(/^#{2,3} /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const [, commands] = /```sh\n([\s\S]*?)```/.exec(section) ?? [];
  if (commands === undefined) throw new Error(`docs/operations.md has no commands under ${heading}.`);
  return commands;
}

describe('A backup by docs/operations.md', () => {
  const dirs = new TempDirs();
  const opened: { end(): Promise<void> }[] = [];
  const clients: TestClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const each of opened.splice(0)) await each.end();
    await dirs.remove();
  });

  async function serve(dataDir: string): Promise<ServerProcess> {
    const server = new ServerProcess({ dataDir });
    opened.push(server);
    await server.ready();
    return server;
  }

  async function connect(server: ServerProcess, userId: string): Promise<TestClient> {
    const client = new TestClient(server.url, { auth: { token: await server.token(userId) } });
    clients.push(client);
    await client.next('connection_ready');
    return client;
  }

  it('of a server that writes has, where it is restored, the same events under the same seq', async () => {
    const [dataDir, elsewhere] = await Promise.all([dirs.make(), dirs.make()]);
    const server = await serve(dataDir);
    const [alice, bob] = await Promise.all([connect(server, 'alice'), connect(server, 'bob')]);
    const kept = await bob.ask('user_message', { content: 'keep this' });
    const { seq } = await bob.next('agent_completed');
    const long = await alice.ask('user_message', {
      content: 'word '.repeat(1_000),
      metadata: { echo: { repeat: 100, delayMs: 1 } },
    });
    await alice.next('agent_delta');

    const env = {
      PATH: process.env.PATH,
      DATA_DIR: dataDir,
      BACKUP: join(elsewhere, 'backup.sqlite'),
      NEW_DATA_DIR: join(elsewhere, 'data'),
    };
    await run('bash', ['-ec', await commandsOf('Backup')], { cwd: ROOT, env });
    const before = await readLogs(server.url, [await server.token('alice'), await server.token('bob')]);
    await server.end();

    await run('bash', ['-ec', await commandsOf('Restore')], { cwd: ROOT, env });
    const restored = await serve(env.NEW_DATA_DIR);
    const after = await readLogs(restored.url, [await restored.token('alice'), await restored.token('bob')]);
    const bobs = String(kept['threadId']);
    expect(after.get(bobs)).toHaveLength(Number(seq));
    expect(after.get(bobs)).toEqual(before.get(bobs));

    const alices = after.get(String(long['threadId'])) ?? [];
    expect(alices.length).toBeGreaterThan(2);
    expect(before.get(String(long['threadId']))?.slice(0, alices.length - 1)).toEqual(alices.slice(0, -1));
    expect(JSON.parse(alices.at(-1)!)).toMatchObject({ type: 'agent_error', data: { code: 'run_interrupted' } });
    const back = await connect(restored, 'bob');
    expect(await back.ask('switch_thread', { threadId: bobs, after: seq })).toMatchObject({ ok: true, head: seq });
  });
});
