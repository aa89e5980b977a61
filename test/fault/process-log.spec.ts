import { afterEach, describe, expect, it } from '@jest/globals';

import { TestClient } from '../../src/testing/test-client.js';
import { TempDirs } from '../support/temp-dir.js';
import { ServerProcess } from './server-process.js';

type Line = Readonly<Record<string, unknown>>;

const WEBHOOK_SECRET = 'webhook-secret-of-at-least-32-bytes-4711';

const dirs = new TempDirs();
let server: ServerProcess;

afterEach(async () => {
  await server.end();
  await dirs.remove();
});

/** Serves one conversation and stops; what it has logged, each line JSON, and the token that was used. */
async function converse(level: string): Promise<{ lines: Line[]; token: string }> {
  const env = { LOG_LEVEL: level, OFFLINE_WEBHOOK_URL: 'http://127.0.0.1:1/', OFFLINE_WEBHOOK_SECRET: WEBHOOK_SECRET };
  server = new ServerProcess({ dataDir: await dirs.make(), env });
  await server.ready();
  const token = await server.token('alice');
  const alice = new TestClient(server.url, { auth: { token } });
  await alice.ask('user_message', { content: 'my password is hunter2-Correct-Horse' });
  await alice.next('agent_completed');
  alice.close();
  server.kill('SIGTERM');
  await server.exit();
  const logged = server.output.split('\n').filter((line) => line.startsWith('{'));
  return { lines: logged.map((line) => JSON.parse(line) as Line), token };
}

describe('The log of the process', () => {
  it('at debug has every transition with its ids, and no secret', async () => {
    const { lines, token } = await converse('debug');
    const states = (context: string): unknown[] =>
      lines.filter((line) => line['context'] === context && 'state' in line).map(({ state }) => state);

    expect(states('Connection')).toEqual(['accepted', 'authenticated', 'ready', 'closed']);
    expect(states('Following')).toEqual(['placed', 'replaying', 'live', 'closed']);
    expect(states('RunEngine')).toEqual(['queued', 'running', 'completed']);
    for (const line of lines.filter(({ state }) => state === 'completed' || state === 'live')) {
      expect(line).toMatchObject({ userId: 'alice', threadId: expect.stringMatching(/^thread_/) as unknown });
    }
    for (const secret of [token, WEBHOOK_SECRET, 'hunter2']) expect(server.output).not.toContain(secret);
  });

  it('at info has none of that', async () => {
    const { lines } = await converse('info');
    expect(lines.filter((line) => 'state' in line || line['level'] === 20)).toEqual([]);
    expect(lines).not.toEqual([]);
  });
});
