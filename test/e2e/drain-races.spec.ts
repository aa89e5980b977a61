import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate } from '../../src/testing/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { AT_COMMIT, RunRace, outcome } from './run-race.js';

const dirs = new TempDirs();
let race: RunRace;

beforeEach(async () => {
  race = await RunRace.open({ dataDir: await dirs.make(), env: { SHUTDOWN_GRACE_MS: '4000' } });
});

afterEach(async () => {
  await race.close();
  await dirs.remove();
});

async function finishing(): Promise<{ runId: string; finish: Gate; aborted: Gate }> {
  const finish = new Gate();
  const aborted = new Gate();
  const runId = await race.run(async (context) => {
    context.signal.addEventListener('abort', () => aborted.open());
    await finish.opened;
    return { content: 'finished' };
  });
  await race.told('agent_started', runId);
  return { runId, finish, aborted };
}

describe('When a run completes and the server drains,', () => {
  it.each(AT_COMMIT)('the completion that is being stored is told to clients before they leave (%s)', async (where) => {
    const { runId, finish } = await finishing();
    const commit = race.hold(where);
    finish.open();
    await commit.reached;
    await race.drain(() => {
      commit.release();
      return race.told('agent_completed', runId, race.bob);
    });

    for (const client of [race.alice, race.bob]) {
      expect(race.types(runId, client)).toEqual(['agent_started', 'agent_completed']);
      expect(client.names().indexOf('agent_completed')).toBeLessThan(client.names().indexOf('disconnect'));
    }
    race = await race.next();
    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_completed']);
  });

  it('the run that finishes in its grace is completed', async () => {
    const { runId, finish } = await finishing();
    await race.drain(() => {
      finish.open();
      return race.told('agent_completed', runId);
    });

    expect(race.types(runId, race.bob)).toEqual(['agent_started', 'agent_completed']);
    race = await race.next();
    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_completed']);
  });

  it('the run that finishes when its grace is over is ended by the next start alone', async () => {
    const { runId, finish, aborted } = await finishing();
    void aborted.opened.then(() => finish.open());
    await race.drain();

    expect(race.types(runId, race.bob)).toEqual(['agent_started']);
    race = await race.next();
    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_error']);
    expect(await race.record(runId)).toMatchObject({ endReason: 'run_interrupted', attempt: 1 });
  });
});

describe('When an answer comes and the server drains,', () => {
  async function asking(): Promise<string> {
    const runId = await race.run(
      async (context) => ({ content: JSON.stringify(await context.requestInput({ requestId: 'only' })) }),
      { agent: 'resuming' },
    );
    await race.told('input_requested', runId);
    return runId;
  }

  it.each(AT_COMMIT)('the one that is being stored is kept, and reaches the agent once (%s)', async (where) => {
    const runId = await asking();
    const commit = race.hold(where);
    const answered = race.bob.request('provide_input', { runId, requestId: 'only', value: 'in time' });
    await commit.reached;
    await race.drain(async () => {
      commit.release();
      expect(outcome(await answered)).toBe('ok');
    });

    race = await race.next();
    expect(await race.told('agent_completed', runId)).toMatchObject({ data: { content: '"in time"' } });
    expect(await race.judge(runId)).toEqual(['agent_started', 'input_requested', 'input_received', 'agent_completed']);
  });

  it('the one that is given to the next server is kept as well', async () => {
    const runId = await asking();
    await race.drain();
    race = await race.next();
    expect(await race.record(runId)).toMatchObject({ attempt: 2, inputs: [{ status: 'open' }] });
    const path = `/api/runs/${runId}/input`;
    const answer = { requestId: 'only', value: 'later' };
    expect(await race.call('bob', 'POST', path, answer)).toMatchObject({ status: 200 });

    expect(await race.told('agent_completed', runId)).toMatchObject({ data: { content: '"later"' } });
    expect(await race.judge(runId)).toEqual(['agent_started', 'input_requested', 'input_received', 'agent_completed']);
  });
});
