import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { AgentContext } from '../../src/agents/index.js';
import { Gate } from '../../src/testing/index.js';
import { LIMITS, RunRace, outcome } from './run-race.js';

let race: RunRace;

beforeEach(async () => {
  race = await RunRace.open({ env: { RUN_STALL_MS: '30000' } });
});

afterEach(() => race.close());

/** In the midst of it all: a tool at work, a message half written. */
async function begun(context: AgentContext): Promise<void> {
  await context.emit('tool_executing', { toolCallId: 'call_1', tool: 'search', args: {} });
  await context.write('half a sen');
}

/** What an agent goes on to do that takes no notice of its end. */
async function goesOn(context: AgentContext): Promise<string[]> {
  const late = await Promise.allSettled([
    context.write('tence'),
    context.emit('tool_completed', { toolCallId: 'call_1', tool: 'search', result: 'late', durationMs: 1 }),
    context.emit('custom', { name: 'late', value: 1 }),
    context.requestInput({ requestId: 'late' }),
  ]);
  return late.map((outcome) => (outcome.status === 'rejected' ? codeOf(outcome.reason) : 'taken'));
}

function codeOf(reason: unknown): string {
  return (reason as { code?: string }).code ?? String(reason);
}

const BEGUN = ['agent_started', 'tool_executing', 'agent_delta'];
const REFUSED = ['run_ended', 'run_ended', 'run_ended', 'run_ended'];

function passes(ms: number): Promise<void> {
  race.clock.advance(ms);
  return Promise.resolve();
}

interface Way {
  readonly way: string;
  readonly asks?: boolean;
  readonly end: (runId: string) => Promise<unknown>;
  readonly last: string;
  readonly reason: string;
}

const WAYS: readonly Way[] = [
  {
    way: 'stopped',
    end: (runId) => race.bob.ask('stop_agent', { runId }),
    ...{ last: 'agent_cancelled', reason: 'stopped' },
  },
  {
    way: 'stopped while it waits for input',
    asks: true,
    end: (runId) => race.bob.ask('stop_agent', { runId }),
    ...{ last: 'agent_cancelled', reason: 'stopped' },
  },
  {
    way: 'interrupted',
    end: () => race.run(() => Promise.resolve(), { policy: 'interrupt' }, race.bob),
    ...{ last: 'agent_cancelled', reason: 'interrupted' },
  },
  {
    way: 'out of time',
    end: () => passes(LIMITS.RUN_TIMEOUT_MS),
    ...{ last: 'agent_error', reason: 'run_timeout' },
  },
  {
    way: 'not answered in time',
    asks: true,
    end: () => passes(LIMITS.INPUT_TIMEOUT_MS),
    ...{ last: 'agent_error', reason: 'input_expired' },
  },
];

describe.each(WAYS)('A run that is $way', ({ asks, end, last, reason }) => {
  it('leaves nothing open, and nothing of it comes behind its end', async () => {
    const ended = new Gate();
    let late: string[] = [];
    const done = new Gate();
    const runId = await race.run(async (context) => {
      await begun(context);
      if (asks === true) context.requestInput({ requestId: 'open' }).catch(() => undefined);
      await ended.opened;
      late = await goesOn(context);
      done.open();
      return { content: 'half a sentence' };
    });
    await race.told(asks === true ? 'input_requested' : 'agent_delta', runId);
    await end(runId);
    await race.told(last, runId);
    ended.open();
    await done.opened;

    expect(late).toEqual(REFUSED);
    expect(await race.judge(runId)).toEqual([...BEGUN, ...(asks === true ? ['input_requested'] : []), last]);
    const record = await race.record(runId);
    expect(record).toMatchObject({ endReason: reason });
    expect(record.inputs.map(({ requestId }) => requestId)).toEqual(asks === true ? ['open'] : []);
    expect(await race.fenced()).toBe(4);
    const answer = await race.alice.request('provide_input', { runId, requestId: 'open', value: 'late' });
    expect(outcome(answer)).toBe('input_closed');
  });
});

describe('A run whose agent fails, or returns, while parts of it go on', () => {
  it.each([
    ['agent_error', () => Promise.reject(new Error('broken'))],
    ['agent_completed', () => Promise.resolve({ content: 'that is all' })],
  ])('leaves nothing open behind %s', async (last, finish) => {
    const ended = new Gate();
    const done = new Gate();
    let late: string[] = [];
    const runId = await race.run(async (context) => {
      await begun(context);
      context.requestInput({ requestId: 'open' }).catch(() => undefined);
      void ended.opened.then(async () => {
        late = await goesOn(context);
        done.open();
      });
      return finish();
    });
    await race.told(last, runId);
    ended.open();
    await done.opened;

    expect(late).toEqual(REFUSED);
    expect(await race.judge(runId)).toEqual([...BEGUN, 'input_requested', last]);
    expect(await race.record(runId)).toMatchObject({ inputs: [{ requestId: 'open', status: 'closed' }] });
    expect(await race.fenced()).toBe(4);
  });
});
