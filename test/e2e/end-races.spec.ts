import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate } from '../../src/testing/index.js';
import { AT_COMMIT, LIMITS, RunRace, outcome } from './run-race.js';

let race: RunRace;

beforeEach(async () => {
  race = await RunRace.open();
});

afterEach(() => race.close());

/** A run that waits at its gate, and then returns. */
async function finishing(): Promise<{ runId: string; finish: Gate }> {
  const finish = new Gate();
  const runId = await race.run(() => finish.opened);
  await race.told('agent_started', runId);
  return { runId, finish };
}

/** A run that asks once and returns; `requestId` is what it asked under. */
async function asking(): Promise<{ runId: string; requestId: string }> {
  const runId = await race.run(async (context) => ({
    content: JSON.stringify(await context.requestInput({ prompt: 'Who?' })),
  }));
  const { data } = await race.told('input_requested', runId);
  return { runId, requestId: (data as { requestId: string }).requestId };
}

describe.each(AT_COMMIT)('When a run completes and somebody stops it, held %s the commit,', (where) => {
  it('the completion that is stored first holds', async () => {
    const { runId, finish } = await finishing();
    const commit = race.hold(where);
    finish.open();
    await commit.reached;
    const stopped = await race.meanwhile(() => race.bob.ask('stop_agent', { runId }));
    commit.release();

    expect(await stopped.answer).toMatchObject({ status: 'completed' });
    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_completed']);
  });

  it('the stop that is stored first holds', async () => {
    const { runId, finish } = await finishing();
    const commit = race.hold(where);
    const stopped = race.bob.ask('stop_agent', { runId });
    await commit.reached;
    finish.open();
    await race.settled();
    commit.release();

    expect(await stopped).toMatchObject({ status: 'cancelled' });
    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_cancelled']);
  });
});

describe.each(AT_COMMIT)('When two users stop a run, held %s the commit of the first,', (where) => {
  it('it has one end, the first one`s, and both are told', async () => {
    const { runId } = await finishing();
    const commit = race.hold(where);
    const first = race.alice.ask('stop_agent', { runId, reason: 'by alice' });
    await commit.reached;
    const second = await race.meanwhile(() => race.bob.ask('stop_agent', { runId, reason: 'by bob' }));
    const path = `/api/runs/${runId}/cancel`;
    const third = await race.meanwhile(() => race.call('bob', 'POST', path, { reason: 'by HTTP' }));
    commit.release();

    expect(await first).toMatchObject({ status: 'cancelled' });
    expect(await second.answer).toMatchObject({ status: 'cancelled' });
    expect(await third.answer).toMatchObject({ status: 200, body: { status: 'cancelled', endReason: 'by alice' } });
    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_cancelled']);
  });
});

describe.each([
  ['run_timeout', LIMITS.RUN_TIMEOUT_MS],
  ['run_stalled', LIMITS.RUN_STALL_MS],
])('When a run completes and is overdue (%s)', (code, limitMs) => {
  beforeEach(async () => {
    if (code === 'run_stalled') return;
    await race.close();
    race = await RunRace.open({ env: { RUN_STALL_MS: '600000' } });
  });

  it.each(AT_COMMIT)('the completion that is stored first holds (%s)', async (where) => {
    const { runId, finish } = await finishing();
    const commit = race.hold(where);
    finish.open();
    await commit.reached;
    race.clock.advance(limitMs);
    await race.settled();
    commit.release();

    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_completed']);
  });

  it.each(AT_COMMIT)('the timeout that is stored first holds (%s)', async (where) => {
    const { runId, finish } = await finishing();
    const commit = race.hold(where);
    race.clock.advance(limitMs);
    await commit.reached;
    finish.open();
    await race.settled();
    commit.release();

    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_error']);
    expect(await race.record(runId)).toMatchObject({ endReason: code });
  });
});

describe.each(AT_COMMIT)('When a run goes silent and appends after all, held %s the commit,', (where) => {
  async function silent() {
    const speak = new Gate();
    const refused = new Gate();
    const runId = await race.run(async (context) => {
      await speak.opened;
      await context.write('here I am').catch(() => refused.open());
      await new Promise(() => undefined);
    });
    await race.told('agent_started', runId);
    return { runId, speak, refused };
  }

  it('what came before the end stays before it', async () => {
    const { runId, speak } = await silent();
    const commit = race.hold(where);
    speak.open();
    await commit.reached;
    race.clock.advance(LIMITS.RUN_STALL_MS);
    await race.settled();
    commit.release();

    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_delta', 'agent_error']);
    expect(await race.record(runId)).toMatchObject({ endReason: 'run_stalled' });
  });

  it('what comes after it is refused, and counted', async () => {
    const { runId, speak, refused } = await silent();
    const commit = race.hold(where);
    race.clock.advance(LIMITS.RUN_STALL_MS);
    await commit.reached;
    speak.open();
    await refused.opened;
    commit.release();

    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_error']);
    expect(await race.fenced()).toBe(1);
  });
});

describe.each(AT_COMMIT)('When an answer comes and its time is over, held %s the commit,', (where) => {
  it('the answer that is stored first holds, and the run goes on', async () => {
    const { runId, requestId } = await asking();
    const commit = race.hold(where);
    const answered = race.bob.ask('provide_input', { runId, requestId, value: 'bob' });
    await commit.reached;
    race.clock.advance(LIMITS.INPUT_TIMEOUT_MS);
    await race.settled();
    commit.release();

    expect(outcome(await answered)).toBe('ok');
    await race.told('agent_completed', runId);
    expect(await race.judge(runId)).toEqual(['agent_started', 'input_requested', 'input_received', 'agent_completed']);
    expect(await race.record(runId)).toMatchObject({ inputs: [{ requestId, status: 'answered', value: 'bob' }] });
  });

  it('the expiry that is stored first holds, and the answer is too late', async () => {
    const { runId, requestId } = await asking();
    const commit = race.hold(where);
    race.clock.advance(LIMITS.INPUT_TIMEOUT_MS);
    await commit.reached;
    const path = `/api/runs/${runId}/input`;
    const socket = await race.meanwhile(() => race.bob.request('provide_input', { runId, requestId, value: 'bob' }));
    const http = await race.meanwhile(() => race.call('alice', 'POST', path, { requestId, value: 'alice' }));
    commit.release();

    expect(outcome(await socket.answer)).toBe('input_closed');
    expect(await http.answer).toMatchObject({ status: 409, body: { code: 'input_closed' } });
    expect(await race.judge(runId)).toEqual(['agent_started', 'input_requested', 'agent_error']);
    expect(await race.record(runId)).toMatchObject({
      ...{ endReason: 'input_expired', inputs: [{ requestId, status: 'expired' }] },
    });
  });
});

describe.each(AT_COMMIT)('When two users answer, held %s the commit of the first,', (where) => {
  it.each([
    ['the same', 'one', 'ok', 200],
    ['differently', 'two', 'input_closed', 409],
  ])('%s, the second is told so', async (_how, other, socket, status) => {
    const { runId, requestId } = await asking();
    const commit = race.hold(where);
    const first = race.alice.ask('provide_input', { runId, requestId, value: 'one' });
    await commit.reached;
    const path = `/api/runs/${runId}/input`;
    const second = await race.meanwhile(() => race.bob.request('provide_input', { runId, requestId, value: other }));
    const third = await race.meanwhile(() => race.call('bob', 'POST', path, { requestId, value: other }));
    commit.release();

    expect(outcome(await first)).toBe('ok');
    expect(outcome(await second.answer)).toBe(socket);
    expect((await third.answer).status).toBe(status);
    const { data } = await race.told('agent_completed', runId);
    expect(data).toMatchObject({ content: '"one"' });
    expect(await race.judge(runId)).toEqual(['agent_started', 'input_requested', 'input_received', 'agent_completed']);
  });
});

describe.each(AT_COMMIT)('When a run is stopped and its answer comes, held %s the commit,', (where) => {
  it('the stop that is stored first closes the request', async () => {
    const { runId, requestId } = await asking();
    const commit = race.hold(where);
    const stopped = race.alice.ask('stop_agent', { runId });
    await commit.reached;
    const late = await race.meanwhile(() => race.bob.request('provide_input', { runId, requestId, value: 'bob' }));
    commit.release();

    expect(outcome(await late.answer)).toBe('input_closed');
    expect(await stopped).toMatchObject({ status: 'cancelled' });
    expect(await race.judge(runId)).toEqual(['agent_started', 'input_requested', 'agent_cancelled']);
    expect(await race.record(runId)).toMatchObject({ inputs: [{ status: 'closed' }] });
  });

  it('the answer that is stored first is taken, and the run stopped', async () => {
    const { runId, requestId } = await asking();
    const commit = race.hold(where);
    const answered = race.bob.ask('provide_input', { runId, requestId, value: 'bob' });
    await commit.reached;
    const stopped = await race.meanwhile(() => race.alice.ask('stop_agent', { runId }));
    commit.release();

    expect(outcome(await answered)).toBe('ok');
    expect(await stopped.answer).toMatchObject({ status: 'cancelled' });
    expect(await race.judge(runId)).toEqual(['agent_started', 'input_requested', 'input_received', 'agent_cancelled']);
  });
});
