import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate } from '../../src/testing/index.js';
import { AT_COMMIT, RunRace, outcome } from './run-race.js';

let race: RunRace;

beforeEach(async () => {
  race = await RunRace.open();
});

afterEach(() => race.close());

/** All that both users were shown of the thread is this; then it was gone for them, and nothing came after. */
async function expectShown(types: readonly string[]): Promise<void> {
  for (const client of [race.alice, race.bob]) {
    expect(await client.next('thread_detached')).toEqual({ threadId: race.threadId, reason: 'deleted' });
    await client.ask('user_message', { content: 'elsewhere' });
    await client.next('agent_completed', (event) => event['threadId'] !== race.threadId);
    await client.fence();
    expect(
      client
        .events(race.threadId)
        .slice(1)
        .map((event) => event.type),
    ).toEqual(types);
    const names = client.frames.filter(({ data }) => data['threadId'] === race.threadId).map((frame) => frame.name);
    expect(names.at(-1)).toBe('thread_detached');
  }
}

describe.each(AT_COMMIT)('When a run completes and its thread is deleted, held %s the commit,', (where) => {
  async function finishing(): Promise<{ runId: string; finish: Gate; aborted: Gate }> {
    const finish = new Gate();
    const aborted = new Gate();
    const runId = await race.run((context) => {
      context.signal.addEventListener('abort', () => aborted.open());
      return finish.opened;
    });
    await race.told('agent_started', runId);
    return { runId, finish, aborted };
  }

  it('the completion that is stored first is shown', async () => {
    const { runId, finish } = await finishing();
    const commit = race.hold(where);
    finish.open();
    await commit.reached;
    const deleted = race.call('alice', 'DELETE', `/api/threads/${race.threadId}`);
    await race.settled();
    commit.release();

    expect((await deleted).status).toBe(204);
    await expectShown(['agent_started', 'agent_completed']);
    expect(await race.alice.request('stop_agent', { runId })).toMatchObject({ error: { code: 'run_ended' } });
  });

  it('the deletion that is stored first ends the run, and nothing of it is shown', async () => {
    const { runId, finish, aborted } = await finishing();
    const commit = race.hold(where);
    const deleted = race.call('alice', 'DELETE', `/api/threads/${race.threadId}`);
    await commit.reached;
    finish.open();
    await race.settled();
    commit.release();

    expect((await deleted).status).toBe(204);
    await aborted.opened;
    await expectShown(['agent_started']);
    expect(await race.alice.request('stop_agent', { runId })).toMatchObject({ error: { code: 'run_ended' } });
    const gauge = await race.scripted.server.metrics.value('threadcast_agents_runs', { state: 'running' });
    expect(gauge).toBe(0);
  });
});

describe('When an answer comes and the thread is deleted,', () => {
  it.each(AT_COMMIT)('the answer that comes second is refused (%s)', async (where) => {
    const runId = await race.run(async (context) => {
      await context.requestInput({ requestId: 'only' });
    });
    await race.told('input_requested', runId);
    const commit = race.hold(where);
    const deleted = race.call('alice', 'DELETE', `/api/threads/${race.threadId}`);
    await commit.reached;
    const answer = { runId, requestId: 'only', value: 'late' };
    const late = await race.meanwhile(() => race.bob.request('provide_input', answer));
    commit.release();

    expect((await deleted).status).toBe(204);
    // Whether he had looked at the run before the deletion was stored or not: he is a stranger to it when it counts.
    expect(outcome(await late.answer)).toBe('run_not_found');
    await expectShown(['agent_started', 'input_requested']);
    expect(await race.alice.request('provide_input', answer)).toMatchObject({ error: { code: 'run_ended' } });
  });
});
