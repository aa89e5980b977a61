import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import { turn } from './bus-nodes.js';
import { RunNodes, logOf, typesOf } from './run-nodes.js';

const PATIENT = { patienceMs: 30_000 };
/** Longer than a node that is frozen inside a transaction keeps what it holds. */
const HELD = `select clock_timestamp() > $1::timestamptz + interval '7 seconds' as over`;

describe('While another one keeps a thread locked', () => {
  let nodes: RunNodes;
  let holder: pg.Client;

  beforeEach(async () => {
    nodes = new RunNodes();
    await nodes.open();
    holder = new pg.Client({ connectionString: nodes.databaseUrl });
    await holder.connect();
  });

  afterEach(async () => {
    await holder.end();
    await nodes.close();
  });

  const of = (runId: unknown) => (data: object) => (data as { runId?: unknown }).runId === runId;

  it('runs of others go on, and what is for that thread is done in its order afterwards', async () => {
    const server = await nodes.node({ SHUTDOWN_GRACE_MS: '100' });
    const [alice, bob] = [await server.ready('alice', PATIENT), await server.ready('bob', PATIENT)];
    const held = await bob.ask('create_thread', {});
    const { threadId } = await alice.ask('create_thread', {});
    await alice.ask('subscribe_thread', { threadId, after: 0 });
    const input = { text: 'w ', repeat: 100_000, delayMs: 5 };
    const start = () => alice.ask('start_agent', { threadId, agent: 'echo', input, policy: 'parallel' });
    const runs = [await start(), await start(), await start()];
    for (const { runId } of runs) await alice.next('agent_delta', of(runId));

    await holder.query('begin');
    await holder.query('select 1 from threads where thread_id = $1 for update', [held.threadId]);
    const [began] = (await holder.query<{ at: string }>('select clock_timestamp()::text as at')).rows;
    const contents = ['one', 'two', 'three'];
    let answered = 0;
    const answers = contents.map(async (content) => {
      const answer = await bob.request('user_message', { threadId: held.threadId, content });
      answered += 1;
      return answer;
    });
    const isOver = async () => (await holder.query<{ over: boolean }>(HELD, [began?.at])).rows[0]?.over === true;
    for (let grown = 0; grown < 10 || !(await isOver()); grown += 1) {
      const before = (await logOf(server, threadId)).length;
      while ((await logOf(server, threadId)).length === before) await turn();
    }
    expect(answered).toBe(0);
    await holder.query('rollback');
    for (const answer of await Promise.all(answers)) expect(answer.ok).toBe(true);
    const log = await logOf(server, held.threadId);
    const said = log.filter(({ type }) => type === 'message_created').map(({ data }) => data);
    expect(said).toHaveLength(contents.length);
    contents.forEach((content, at) => expect(said[at]).toContain(`"${content}"`));
    for (const { runId } of runs) expect(await typesOf(server, threadId, runId)).not.toContain('agent_error');
  });
});
