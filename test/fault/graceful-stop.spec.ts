import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestClient } from '../../src/testing/test-client.js';
import { TempDirs } from '../support/temp-dir.js';
import { Campaign } from './campaign.js';
import { NONE } from './counts.js';
import { readLogs } from './logs.js';
import { chooseSeed } from './random.js';
import { ServerProcess, type ProcessOptions } from './server-process.js';

const STOPPED = { code: 0, signal: null };

describe('A server that is told to stop', () => {
  const dirs = new TempDirs();
  const opened: { end(): Promise<void> }[] = [];
  const clients: TestClient[] = [];
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await dirs.make();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const each of opened.splice(0)) await each.end();
    await dirs.remove();
  });

  function serve(options: Omit<ProcessOptions, 'dataDir'>): ServerProcess {
    const server = new ServerProcess({ dataDir, ...options });
    opened.push(server);
    return server;
  }

  async function connect(server: ServerProcess): Promise<TestClient> {
    const client = new TestClient(server.url, { auth: { token: await server.token('alice') } });
    clients.push(client);
    await client.next('connection_ready');
    return client;
  }

  it('lets a run finish, says so before, and ends with 0', async () => {
    const server = serve({ env: { SHUTDOWN_GRACE_MS: '8000' } });
    await server.ready();
    const alice = await connect(server);
    const content = 'word '.repeat(100);
    await alice.ask('user_message', { content, metadata: { echo: { delayMs: 3 } } });
    await alice.next('agent_delta');
    server.kill('SIGTERM');
    await alice.next('server_draining');
    await alice.next('agent_completed');
    await alice.next('disconnect');
    expect(alice.names().indexOf('server_draining')).toBeLessThan(alice.names().indexOf('agent_completed'));
    expect(alice.names().slice(-2)).toEqual(['exception', 'disconnect']);
    expect(await server.exit()).toEqual(STOPPED);
  });

  it('records a run that takes too long, within its grace, and begins the queued one at the next start', async () => {
    const graceMs = 2_500;
    const server = serve({ env: { SHUTDOWN_GRACE_MS: String(graceMs) } });
    await server.ready();
    const alice = await connect(server);
    const { threadId, runId } = await alice.ask('user_message', {
      content: 'word '.repeat(5_000),
      metadata: { echo: { delayMs: 10 } },
    });
    const queued = await alice.ask('user_message', { threadId, content: 'next please' });
    expect(queued['status']).toBe('queued');
    await alice.next('agent_delta');

    const begun = performance.now();
    server.kill('SIGTERM');
    await alice.next('server_draining');
    server.kill('SIGTERM');
    server.kill('SIGINT');
    expect(await server.exit()).toEqual(STOPPED);
    expect(performance.now() - begun).toBeLessThan(graceMs);
    await alice.next('disconnect');
    const seen = alice.events(threadId);

    const next = serve({});
    await next.ready();
    const back = await connect(next);
    await back.ask('switch_thread', { threadId, after: seen.at(-1)?.seq });
    const ended = await back.next('agent_error');
    expect(ended).toMatchObject({ runId, data: { code: 'run_interrupted' } });
    expect(await back.next('agent_completed')).toMatchObject({ runId: queued['runId'] });
    const logs = await readLogs(next.url, [await next.token('alice')]);
    const stored = (logs.get(String(threadId)) ?? []).map((raw) => JSON.parse(raw) as object);
    expect(stored.slice(0, seen.length)).toEqual(seen);
    expect(stored.filter((event) => 'runId' in event && event.runId === runId).at(-1)).toEqual(ended);
  });

  it('ends with 0 while it is starting, however often it is told', async () => {
    const server = serve({ faults: [{ do: 'hold the start', hold: true }] });
    await server.said(/held/);
    server.kill('SIGTERM');
    server.kill('SIGTERM');
    server.kill('SIGINT');
    expect(await server.exit()).toEqual(STOPPED);
    expect(server.output).not.toContain('Threadcast serves');
    await serve({}).ready();
  });

  it('loses nothing that is under way or queued', async () => {
    const campaign = new Campaign(chooseSeed(), dataDir);
    opened.push(campaign);
    for (let round = 0; round < 2; round += 1) {
      await campaign.start({ env: { SHUTDOWN_GRACE_MS: '300' } });
      await campaign.comeBack();
      campaign.sendSome();
      const { told } = campaign.ledger.counts;
      const before = told.get('events seen') ?? 0;
      await campaign.until(() => (told.get('events seen') ?? 0) > before + 100);
      campaign.server.kill('SIGTERM');
      await campaign.over();
      expect(await campaign.server.exit()).toEqual(STOPPED);
    }
    await campaign.start();
    await campaign.comeBack();
    await campaign.finish();
    campaign.ledger.counts.print(`SIGTERM under load, seed ${campaign.seed}`);
    expect(campaign.ledger.counts.faults).toEqual(NONE);
  });
});
