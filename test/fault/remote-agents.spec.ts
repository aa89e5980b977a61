import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { EventEnvelope } from '../../src/protocol/index.js';
import { TestClient } from '../../src/testing/test-client.js';
import { REMOTE_AGENTS, RemoteAgent } from '../support/remote-agents.js';
import { TempDirs } from '../support/temp-dir.js';
import type { KillPoint } from './faults.js';
import { Random, chooseSeed } from './random.js';
import { ServerProcess } from './server-process.js';

const POINTS: readonly KillPoint[] = [
  'before the commit',
  'inside the commit',
  'before the delivery',
  'before the answer',
];
const WORDS = Array.from({ length: 3_000 }, (_, n) => `word${n} `);

describe.each(REMOTE_AGENTS)('An agent in another process, examples/%s', (name) => {
  const dirs = new TempDirs();
  const agents: RemoteAgent[] = [];
  let server: ServerProcess;
  let client: TestClient | null = null;
  let dataDir: string;
  let port = '0';

  beforeEach(async () => {
    dataDir = await dirs.make();
    await serve();
  });

  afterEach(async () => {
    client?.close();
    for (const agent of agents.splice(0)) await agent.kill();
    await server.end();
    await dirs.remove();
  });

  /** The same server again, on the same address. */
  async function serve(): Promise<void> {
    server = new ServerProcess({ dataDir, env: { PORT: port }, faults: [] });
    ({ port } = new URL(await server.ready()));
  }

  async function connect(): Promise<TestClient> {
    client?.close();
    client = new TestClient(server.url, { auth: { token: await server.token('alice') } });
    await client.next('connection_ready');
    return client;
  }

  function start(threadId: string, runId: string): RemoteAgent {
    const say = ['--text', WORDS.join(''), '--batch', '4', '--delay', '0'];
    const agent = new RemoteAgent(name, [server.url, '--thread', threadId, '--run', runId, ...say]);
    agents.push(agent);
    return agent;
  }

  /** The whole log of the thread. */
  async function log(threadId: string): Promise<EventEnvelope[]> {
    const events: EventEnvelope[] = [];
    const alice = await connect();
    for (let after: unknown = 0; after !== null;) {
      const page = await alice.ask('get_thread_history', { threadId, after, limit: 1_000 });
      events.push(...(page['events'] as EventEnvelope[]));
      after = page['nextAfter'];
    }
    return events;
  }

  it('has each of its words in the log once, though the server is killed at every step, and then the agent', async () => {
    const seed = chooseSeed();
    const random = new Random(seed);
    process.stdout.write(`a server killed under ${name}, seed ${seed}\n`);
    const threadId = String((await (await connect()).ask('create_thread'))['threadId']);
    const runId = `${threadId}_run_1756919162904_9adf1f09`;
    const first = start(threadId, runId);
    let seen = 0;
    for (const at of POINTS) {
      // Something of the agent goes through before each of them.
      const alice = await connect();
      await alice.ask('subscribe_thread', { threadId, after: seen });
      seen = Number((await alice.next('agent_delta'))['seq']);
      await server.order({ do: 'die', at, pass: random.whole(1, 12) });
      await server.exit();
      expect(server.output).toContain(`died ${at}`);
      await serve();
    }
    const alice = await connect();
    await alice.ask('subscribe_thread', { threadId, after: seen });
    await alice.next('agent_delta');
    await first.kill();
    const second = await start(threadId, runId).ended();
    const told = await log(threadId);

    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(second.stdout).toBe(`run ${runId}\ncompleted at ${told.length}\n`);
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
    expect(told.map(({ type, data }) => (type === 'agent_delta' ? (data as { text: string }).text : type))).toEqual([
      'agent_started',
      ...WORDS,
      'agent_completed',
    ]);
  }, 400_000);

  it('that is killed with the server leaves a run that ends by silence, and takes nothing more', async () => {
    const threadId = String((await (await connect()).ask('create_thread'))['threadId']);
    const runId = `${threadId}_run_1756919162904_9adf1f09`;
    const agent = start(threadId, runId);
    await (await connect()).ask('subscribe_thread', { threadId, after: 0 });
    await client?.next('agent_delta');
    await Promise.all([agent.kill(), server.end()]);
    server = new ServerProcess({ dataDir, env: { PORT: port, RUN_STALL_MS: '1000' } });
    await server.ready();
    const alice = await connect();
    await alice.ask('subscribe_thread', { threadId, after: 0 });

    expect(await alice.next('agent_error')).toMatchObject({ runId, data: { code: 'run_stalled' } });
    expect(await start(threadId, runId).ended()).toMatchObject({
      ...{ code: 0, stderr: expect.stringContaining('run_ended') },
    });
    const types = (await log(threadId)).map(({ type }) => type);
    expect(types.at(-1)).toBe('agent_error');
    expect(types.filter((type) => type === 'agent_started' || type === 'agent_error')).toHaveLength(2);
  });
});
