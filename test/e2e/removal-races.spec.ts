import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { checkContiguous, type TestAnswer } from '../../src/testing/index.js';
import { AT_COMMIT, RunRace, outcome } from './run-race.js';

let race: RunRace;
let runId: string;

beforeEach(async () => {
  race = await RunRace.open();
  runId = await race.run(async (context) => {
    await context.requestInput({ requestId: 'only' });
  });
  await race.told('input_requested', runId, race.bob);
});

afterEach(() => race.close());

const takeBobOut = () => race.call('alice', 'DELETE', `/api/threads/${race.threadId}/members/bob`);

async function overHttp(path: string, body: object): Promise<string> {
  const { status, body: answer } = await race.call('bob', 'POST', path, body);
  return status < 300 ? 'ok' : String((answer as { code?: unknown }).code);
}

const bySocket = async (type: string, payload: object): Promise<string> => {
  const answer: TestAnswer = await race.bob.request(type, payload);
  return answer.ok ? 'ok' : outcome(answer);
};

/** What a member can do to a thread, by each way there is; and what he is told once he is none. */
const DEEDS: readonly [string, string, () => Promise<string>][] = [
  ['stop_agent', 'run_not_found', () => bySocket('stop_agent', { runId })],
  ['provide_input', 'run_not_found', () => bySocket('provide_input', { runId, requestId: 'only', value: 'his' })],
  ['POST cancel', 'run_not_found', () => overHttp(`/api/runs/${runId}/cancel`, {})],
  ['POST input', 'run_not_found', () => overHttp(`/api/runs/${runId}/input`, { requestId: 'only', value: 'his' })],
  ['user_message', 'thread_not_found', () => bySocket('user_message', { threadId: race.threadId, content: 'his' })],
  [
    'user_message with policy interrupt',
    'thread_not_found',
    () => bySocket('user_message', { threadId: race.threadId, content: 'his', policy: 'interrupt' }),
  ],
  [
    'start_agent',
    'thread_not_found',
    () => bySocket('start_agent', { threadId: race.threadId, agent: 'echo', input: 'his' }),
  ],
  ['ack_events', 'thread_not_found', () => bySocket('ack_events', { threadId: race.threadId, seq: 1 })],
  ['POST messages', 'thread_not_found', () => overHttp(`/api/threads/${race.threadId}/messages`, { content: 'his' })],
  [
    'POST runs',
    'thread_not_found',
    () => overHttp(`/api/threads/${race.threadId}/runs`, { agent: 'echo', input: 'his' }),
  ],
];

/** Those that look at the run before they come to the commit. */
const LOOKING = ['stop_agent', 'provide_input', 'POST cancel', 'POST input'];

/** The log as its owner reads it. */
async function log(): Promise<{ type: string; data: unknown; seq: number }[]> {
  const { body } = await race.call('alice', 'GET', `/api/threads/${race.threadId}/events?limit=1000`);
  return (body as { events: { type: string; data: unknown; seq: number }[] }).events;
}

describe.each(DEEDS)('When a member is taken out and asks for %s,', (deed, code, ask) => {
  it.each(AT_COMMIT)(
    'and the removal is stored first, he is a stranger: nothing of his is stored (%s)',
    async (where) => {
      const commit = race.hold(where);
      const removed = takeBobOut();
      await commit.reached;
      const late = LOOKING.includes(deed) ? await race.meanwhile(ask) : { answer: ask() };
      await race.settled();
      commit.release();

      expect((await removed).status).toBe(200);
      expect(await late.answer).toBe(code);
      await race.alice.fence();
      const events = await log();
      expect(events.at(-1)).toMatchObject({ type: 'thread_updated', data: { members: [] } });
      expect(JSON.stringify(events)).not.toContain('his');
      expect(await race.call('alice', 'GET', `/api/runs/${runId}`)).toMatchObject({
        body: { status: 'waiting_input' },
      });
    },
  );

  it.each(AT_COMMIT)(
    'and his request is stored first, it holds, and he is told no more than that (%s)',
    async (where) => {
      const commit = race.hold(where);
      const asked = LOOKING.includes(deed) ? await race.meanwhile(ask) : { answer: ask() };
      await commit.reached;
      const removed = takeBobOut();
      await race.settled();
      commit.release();

      expect(await asked.answer).toMatch(/^(?:ok|run_not_found)$/);
      expect((await removed).status).toBe(200);
      expect(await race.bob.next('thread_detached')).toEqual({ threadId: race.threadId, reason: 'access_removed' });
      const events = await log();
      const removal = events.find(
        ({ type, data }) => type === 'thread_updated' && JSON.stringify(data) === '{"members":[]}',
      );
      await race.alice.ask('user_message', { threadId: race.threadId, content: 'among us', policy: 'interrupt' });
      await race.alice.next('agent_completed', ({ seq }) => Number(seq) > (removal?.seq ?? 0));
      await race.bob.fence();
      const shown = race.bob.events(race.threadId);
      checkContiguous(shown);
      expect(shown.at(-1)?.seq).toBe((removal?.seq ?? 0) - 1);
    },
  );
});

describe('A run that asks for input', () => {
  it('goes on waiting when its starter is taken out, for those who stay', async () => {
    const { runId: his } = await race.scripted.run(
      race.bob,
      async (context) => ({ content: (await context.requestInput({ requestId: 'mine' })) as string }),
      { threadId: race.threadId, policy: 'parallel' },
    );
    await race.told('input_requested', String(his));
    await takeBobOut();
    const answer = { runId: his, requestId: 'mine', value: 'from Alice' };

    expect(await race.bob.request('provide_input', answer)).toMatchObject({ error: { code: 'run_not_found' } });
    expect(await race.bob.request('stop_agent', { runId: his })).toMatchObject({ error: { code: 'run_not_found' } });
    await race.alice.ask('provide_input', answer);
    expect(await race.told('agent_completed', String(his))).toMatchObject({ data: { content: 'from Alice' } });
  });
});

describe('Requests that are held while their user is taken out', () => {
  it('are refused when they are taken, as for a stranger', async () => {
    const { server } = race.scripted;
    const later = server.connect();
    await later.next('connection_accepted');
    const held = [
      later.request('switch_thread', { threadId: race.threadId, after: 0 }),
      later.request('user_message', { threadId: race.threadId, content: 'his' }),
      later.request('get_thread_history', { threadId: race.threadId }),
      later.request('stop_agent', { runId }),
    ];
    await takeBobOut();
    await later.ask('authenticate', { token: await server.token('bob') });
    const codes = (await Promise.all(held)).map(outcome);

    expect(codes).toEqual([...Array<string>(3).fill('thread_not_found'), 'run_not_found']);
    expect(JSON.stringify(later.frames)).not.toContain('input_requested');
  });
});
