import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, type TestAnswer } from '../../src/testing/index.js';
import { AT_COMMIT, RunRace, outcome } from './run-race.js';

let race: RunRace;

beforeEach(async () => {
  race = await RunRace.open();
});

afterEach(() => race.close());

/** A run that goes on until its gate is opened. */
async function held(request: Record<string, unknown> = {}): Promise<{ runId: string; finish: Gate }> {
  const finish = new Gate();
  return { runId: await race.run(() => finish.opened, request), finish };
}

/** A run that was answered as running and is held where it reads what it needs to begin. */
async function beginning() {
  const read = race.scripted.storage.holdNext('runs.get');
  const run = await held();
  await read.reached;
  return { ...run, read };
}

describe('When a run interrupts another one that is about to begin,', () => {
  it('and is stored before its first event, that one has its end alone', async () => {
    const first = await beginning();
    const second = await held({ policy: 'interrupt' });
    first.read.release();
    await race.told('agent_started', second.runId);
    second.finish.open();
    await race.told('agent_completed', second.runId);

    expect(await race.judge(first.runId)).toEqual(['agent_cancelled']);
    expect(await race.record(first.runId)).toMatchObject({ endReason: 'interrupted', attempt: 0 });
    expect(await race.judge(second.runId)).toEqual(['agent_started', 'agent_completed']);
  });

  it.each(AT_COMMIT)('while its first event is being stored, it begins and is cancelled (%s)', async (where) => {
    const first = await beginning();
    const commit = race.hold(where);
    first.read.release();
    await commit.reached;
    const finish = new Gate();
    const input = race.scripted.script.keep(() => finish.opened);
    const start = { threadId: race.threadId, agent: 'script', input, policy: 'interrupt' };
    const second = race.bob.ask('start_agent', start);
    await race.settled();
    commit.release();
    const runId = String((await second)['runId']);
    await race.told('agent_started', runId);
    finish.open();
    await race.told('agent_completed', runId);

    expect(await race.judge(first.runId)).toEqual(['agent_started', 'agent_cancelled']);
    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_completed']);
  });

  it.each(AT_COMMIT)('and its start is being stored when that one wants to begin (%s)', async (where) => {
    const first = await beginning();
    const commit = race.hold(where);
    const finish = new Gate();
    const input = race.scripted.script.keep(() => finish.opened);
    const start = { threadId: race.threadId, agent: 'script', input, policy: 'interrupt' };
    const second = race.bob.ask('start_agent', start);
    await commit.reached;
    first.read.release();
    await race.settled();
    commit.release();
    const runId = String((await second)['runId']);
    await race.told('agent_started', runId);
    finish.open();
    await race.told('agent_completed', runId);

    expect(await race.judge(first.runId)).toEqual(['agent_started', 'agent_cancelled']);
    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_completed']);
    expect(race.seq('agent_cancelled', first.runId)).toBeLessThan(race.seq('agent_started', runId));
  });
});

describe('When a run interrupts another one and both are stored in one commit,', () => {
  it.each(['socket', 'HTTP'])('that one begins and is cancelled (asked for by %s)', async (by) => {
    const first = await beginning();
    const commit = race.hold('before');
    const unrelated = race.alice.ask('create_thread', {});
    await commit.reached;
    const finish = new Gate();
    const start = { agent: 'script', input: race.scripted.script.keep(() => finish.opened), policy: 'interrupt' };
    const second =
      by === 'socket'
        ? race.bob.ask('start_agent', { threadId: race.threadId, ...start })
        : race.call('bob', 'POST', `/api/threads/${race.threadId}/runs`, start).then(({ body }) => body as TestAnswer);
    await race.settled();
    first.read.release();
    await race.settled();
    commit.release();
    await unrelated;
    const runId = String((await second)['runId']);
    await race.told('agent_started', runId);
    finish.open();
    await race.told('agent_completed', runId);

    expect(await race.judge(first.runId)).toEqual(['agent_started', 'agent_cancelled']);
    expect(await race.judge(runId)).toEqual(['agent_started', 'agent_completed']);
    expect(race.seq('agent_cancelled', first.runId)).toBeLessThan(race.seq('agent_started', runId));
  });
});

describe('When two runs interrupt at once', () => {
  it.each(AT_COMMIT)('the later one holds, and both and the one under way have one end (%s)', async (where) => {
    const first = await held();
    await race.told('agent_started', first.runId);
    const finish = new Gate();
    const input = race.scripted.script.keep(() => finish.opened);
    const start = { threadId: race.threadId, agent: 'script', input, policy: 'interrupt' };
    const commit = race.hold(where);
    const second = race.alice.ask('start_agent', start);
    await commit.reached;
    const third = race.bob.ask('start_agent', start);
    await race.settled();
    commit.release();
    const [secondId, thirdId] = [String((await second)['runId']), String((await third)['runId'])];
    await race.told('agent_started', thirdId);
    finish.open();
    await race.told('agent_completed', thirdId);
    await race.told('agent_cancelled', secondId);

    expect(await race.judge(first.runId)).toEqual(['agent_started', 'agent_cancelled']);
    expect((await race.judge(secondId)).at(-1)).toBe('agent_cancelled');
    expect(race.seq('agent_cancelled', first.runId)).toBeLessThan(race.seq('agent_started', thirdId));
    expect(race.seq('agent_cancelled', secondId)).toBeLessThan(race.seq('agent_started', thirdId));
    expect(await race.judge(thirdId)).toEqual(['agent_started', 'agent_completed']);
  });
});

describe('When ten starts with `reject` come at once,', () => {
  it.each(AT_COMMIT)(
    'by two users, on sockets and over HTTP, one is taken (first held %s its commit)',
    async (where) => {
      const finish = new Gate();
      const start = { agent: 'script', input: race.scripted.script.keep(() => finish.opened), policy: 'reject' };
      const path = `/api/threads/${race.threadId}/runs`;
      const commit = race.hold(where);
      const sockets = [race.alice, race.bob, race.alice, race.bob, race.alice].map(async (client, n) => {
        const answer = await client.request('start_agent', {
          threadId: race.threadId,
          ...start,
          messageId: `socket-${n}`,
        });
        return { outcome: outcome(answer), runId: answer['runId'] };
      });
      await commit.reached;
      const calls = ['alice', 'bob', 'alice', 'bob', 'alice'].map(async (userId, n) => {
        const { status, body } = await race.call(userId, 'POST', path, { ...start, messageId: `http-${n}` });
        const { code, runId } = body as { code?: string; runId?: string };
        expect(status).toBe(code === undefined ? 201 : 409);
        return { outcome: code ?? 'ok', runId };
      });
      await race.settled();
      commit.release();
      const answers = await Promise.all([...sockets, ...calls]);
      const [won] = answers.filter((answer) => answer.outcome === 'ok');
      finish.open();
      await race.told('agent_completed', String(won?.runId));

      const refused = Array.from({ length: 9 }, () => 'run_in_progress');
      expect(answers.map((answer) => answer.outcome).sort()).toEqual(['ok', ...refused]);
      expect(await race.judge(String(won?.runId))).toEqual(['agent_started', 'agent_completed']);
      // A refused start has used up nothing: its messageId is free.
      const again = await race.bob.ask('start_agent', { threadId: race.threadId, ...start, messageId: 'http-1' });
      expect(again).toMatchObject({ duplicate: again['runId'] === won?.runId });
    },
  );
});

describe('When a run that waits is stopped and its turn comes,', () => {
  async function queued() {
    const first = await held();
    await race.told('agent_started', first.runId);
    return { first, second: await held(), third: await held() };
  }

  it('and the stop is stored first, it has its end alone, and the next one begins', async () => {
    const { first, second, third } = await queued();
    const read = race.scripted.storage.holdNext('runs.get');
    first.finish.open();
    await read.reached;
    expect(await race.bob.ask('stop_agent', { runId: second.runId })).toMatchObject({ status: 'cancelled' });
    read.release();
    await race.told('agent_started', third.runId);
    third.finish.open();
    await race.told('agent_completed', third.runId);

    expect(await race.judge(second.runId)).toEqual(['agent_cancelled']);
    expect(await race.record(second.runId)).toMatchObject({ attempt: 0 });
    expect(await race.judge(third.runId)).toEqual(['agent_started', 'agent_completed']);
  });

  it.each(AT_COMMIT)(
    'and its stop is being stored when it wants to begin, it has its end alone (%s)',
    async (where) => {
      const { first, second, third } = await queued();
      const read = race.scripted.storage.holdNext('runs.get');
      first.finish.open();
      await read.reached;
      const commit = race.hold(where);
      const stopped = race.bob.ask('stop_agent', { runId: second.runId });
      await commit.reached;
      read.release();
      await race.settled();
      commit.release();
      expect(await stopped).toMatchObject({ status: 'cancelled' });
      await race.told('agent_started', third.runId);
      third.finish.open();
      await race.told('agent_completed', third.runId);

      expect(await race.judge(second.runId)).toEqual(['agent_cancelled']);
      expect(await race.record(second.runId)).toMatchObject({ attempt: 0 });
    },
  );

  it.each(AT_COMMIT)(
    'and its stop is being stored as the one before ends, it has its end alone (%s)',
    async (where) => {
      const { first, second, third } = await queued();
      const commit = race.hold(where);
      const stopped = race.bob.ask('stop_agent', { runId: second.runId });
      await commit.reached;
      first.finish.open();
      await race.settled();
      commit.release();
      expect(await stopped).toMatchObject({ status: 'cancelled' });
      await race.told('agent_started', third.runId);
      third.finish.open();
      await race.told('agent_completed', third.runId);

      expect(await race.judge(second.runId)).toEqual(['agent_cancelled']);
      expect(await race.judge(first.runId)).toEqual(['agent_started', 'agent_completed']);
    },
  );

  it.each(AT_COMMIT)('and its beginning is being stored, it begins and is cancelled (%s)', async (where) => {
    const { first, second, third } = await queued();
    const read = race.scripted.storage.holdNext('runs.get');
    first.finish.open();
    await read.reached;
    const commit = race.hold(where);
    read.release();
    await commit.reached;
    const stopped = await race.meanwhile(() => race.bob.ask('stop_agent', { runId: second.runId }));
    commit.release();
    expect(await stopped.answer).toMatchObject({ status: 'cancelled' });
    await race.told('agent_started', third.runId);
    third.finish.open();
    await race.told('agent_completed', third.runId);

    expect(await race.judge(second.runId)).toEqual(['agent_started', 'agent_cancelled']);
  });
});
