import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Storage } from '../../src/storage/index.js';
import type { RunId } from '../../src/ids/index.js';
import { checkContiguous } from '../../src/testing/index.js';
import { RunNodes, logOf, typesOf } from './run-nodes.js';

const ENDS = ['agent_completed', 'agent_error', 'agent_cancelled'];

describe('Runs on two nodes', () => {
  let nodes: RunNodes;

  beforeEach(async () => {
    nodes = new RunNodes();
    await nodes.open();
  });

  afterEach(() => nodes.close());

  it('that are started at once begin once each, one after the other on their thread', async () => {
    const [a, b] = [await nodes.node(), await nodes.node()];
    const [one, two] = [await a.ready('alice'), await b.ready('bob')];
    const { threadId } = await one.ask('create_thread', {});
    await a.fetch('alice', `/api/threads/${String(threadId)}/members/bob`, { method: 'PUT' });
    await two.ask('switch_thread', { threadId, after: 0 });
    await one.ask('switch_thread', { threadId, after: 0 });
    const starts = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        (n % 2 === 0 ? one : two).ask('start_agent', { threadId, agent: 'echo', input: { text: `one two ${n}` } }),
      ),
    );
    for (const client of [one, two]) for (let n = 0; n < 10; n += 1) await client.next('agent_completed');

    const log = await logOf(a, threadId);
    let current: RunId | null = null;
    for (const { runId, type } of log) {
      if (runId === null) continue;
      if (type === 'agent_started') expect(current).toBeNull();
      else expect(current).toBe(runId);
      current = ENDS.includes(type) ? null : runId;
    }
    for (const { runId } of starts) {
      const types = await typesOf(b, threadId, runId);
      expect(types.filter((type) => type === 'agent_started')).toHaveLength(1);
      expect(types.filter((type) => ENDS.includes(type))).toEqual(['agent_completed']);
      expect(await a.get(Storage).runs.get(runId as RunId)).toMatchObject({ attempt: 1, status: 'completed' });
    }
    expect(starts.filter(({ status }) => status === 'running')).toHaveLength(1);
    for (const client of [one, two]) checkContiguous(client.events(threadId));
  });
});
