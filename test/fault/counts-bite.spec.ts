import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TempDirs } from '../support/temp-dir.js';
import { Campaign } from './campaign.js';
import { NONE, type Fault } from './counts.js';
import { Ledger, type Asked } from './ledger.js';
import { chooseSeed } from './random.js';

const T = 'thread_t';
const envelope = (seq: number, more: object): string => JSON.stringify({ threadId: T, seq, ...more });
const delta = (seq: number, text = 'word ') => envelope(seq, { type: 'agent_delta', runId: 'run', data: { text } });
const merged = (from: number, seq: number, text: string) =>
  envelope(seq, { from, type: 'agent_delta', runId: 'run', data: { text } });
const end = (seq: number) => envelope(seq, { type: 'agent_completed', runId: 'run', data: { content: '' } });
const message = (seq: number) => envelope(seq, { type: 'message_created', data: { messageId: 'm', runId: 'run' } });
const asked = (answer: Asked['answer']): Asked => ({
  ...{ messageId: 'm', userId: 'alice', type: 'user_message', payload: {} },
  answer,
});
const OK = { ok: true, threadId: T, seq: 1, runId: 'run', duplicate: true };

interface Case {
  readonly fault: Fault | null;
  readonly what: string;
  readonly seen?: readonly string[];
  readonly asked?: Asked;
  readonly log?: readonly string[];
  readonly begun?: readonly string[];
}

const CASES: readonly Case[] = [
  { fault: null, what: 'what is as it should be', seen: [delta(1), delta(2)], log: [delta(1), delta(2)] },
  { fault: null, what: 'a merged view', seen: [merged(1, 2, 'word word ')], log: [delta(1), delta(2)] },
  { fault: 'holes', what: 'a seq left out', seen: [delta(1), delta(3)], log: [delta(1), delta(2), delta(3)] },
  { fault: 'holes', what: 'a hole in the log', log: [delta(1), delta(3)] },
  { fault: 'repetitions', what: 'a seq shown again', seen: [delta(1), delta(1)], log: [delta(1)] },
  { fault: 'changedEvents', what: 'another text under a seq', seen: [delta(1)], log: [delta(1, 'other')] },
  { fault: 'changedEvents', what: 'a merged text that differs', seen: [merged(1, 2, 'wo')], log: [delta(1), delta(2)] },
  { fault: 'lostEvents', what: 'an event that is gone', seen: [delta(1), delta(2)], log: [delta(1)] },
  { fault: 'lostEvents', what: 'a merged event that is gone', seen: [merged(1, 2, 'word word ')], log: [delta(1)] },
  { fault: 'lostAnswers', what: 'an answer without its message', asked: asked(OK), log: [] },
  { fault: 'lostAnswers', what: 'a message at another seq', asked: asked({ ...OK, seq: 2 }), log: [message(1)] },
  { fault: 'storedRefusals', what: 'a refused message', asked: asked({ ok: false }), log: [message(1)] },
  { fault: 'startedTwice', what: 'a message twice', asked: asked(OK), log: [message(1), message(2)] },
  { fault: 'runsEndedTwice', what: 'a second end', log: [end(1), end(2)] },
  { fault: 'eventsAfterEnd', what: 'a word after the end', log: [end(1), delta(2)] },
  { fault: 'unendedRuns', what: 'a run left open', log: [delta(1)], begun: ['run'] },
];

describe('The counts', () => {
  it.each(CASES)('judge $what: $fault', ({ fault, seen = [], asked: request, log = [], begun = [] }) => {
    const ledger = new Ledger();
    if (request !== undefined) ledger.asked.set(request.messageId, request);
    seen.reduce((position, raw) => ledger.see(raw, position), 0);
    ledger.judge(new Map([[T, log]]), begun);
    expect(ledger.counts.faults).toEqual(fault === null ? NONE : { ...NONE, [fault]: 1 });
  });

  it('judge a repeated request by its first answer', () => {
    const ledger = new Ledger();
    ledger.asked.set('m', asked(OK));
    ledger.answer('m', OK);
    expect(ledger.counts.faults.startedTwice).toBe(0);
    ledger.answer('m', { ...OK, runId: 'other', duplicate: false });
    expect(ledger.counts.faults.startedTwice).toBe(1);
  });

  it('let one answer alone say that it is the first, whichever comes first', () => {
    const ledger = new Ledger();
    ledger.asked.set('m', asked({ ...OK, duplicate: true }));
    ledger.answer('m', { ...OK, duplicate: false });
    expect(ledger.counts.faults.startedTwice).toBe(0);
    ledger.answer('m', { ...OK, duplicate: false });
    expect(ledger.counts.faults.startedTwice).toBe(1);
  });
});

describe('A server with a defect', () => {
  const dirs = new TempDirs();
  let campaign: Campaign;
  beforeEach(async () => {
    campaign = new Campaign(chooseSeed(), await dirs.make());
  });
  afterEach(async () => {
    await campaign.end();
    await dirs.remove();
  });

  it('that shows events before they are durable is found out by a kill', async () => {
    await campaign.start({ faults: [] });
    await campaign.comeBack();
    await campaign.server.order({ do: 'break', defect: 'visible before durable' });
    await campaign.server.order({ do: 'die', at: 'inside the commit', pass: 2, of: 'message' });
    campaign.sendSome();
    await campaign.over();
    await campaign.start();
    await campaign.comeBack();

    const { counts } = campaign.ledger;
    counts.print('kill -9 of a server that shows events before they are durable');
    // What was lost may be missing, or its seq may have been given to something else by now.
    const { lostEvents, changedEvents, lostAnswers, lostPositions } = counts.faults;
    expect(lostEvents + changedEvents + lostAnswers + lostPositions).toBeGreaterThan(0);
  });

  it('that recovers no runs, forgets requests and tells events differently is found out after a kill', async () => {
    await campaign.start();
    await campaign.comeBack();
    // Runs that are certainly not over when the kill comes, however late this process is told of their beginning.
    campaign.words = 5_000;
    // A start that is sent again and forgotten would end the run before it, where it interrupts.
    campaign.policies = ['parallel'];
    campaign.sendSome();
    const { ledger } = campaign;
    const answered = () => [...ledger.asked.values()].some(({ answer }) => answer?.ok === true);
    await campaign.until(() => answered() && ledger.underWay().length >= 2);
    campaign.server.kill();
    await campaign.over();
    const defects = ['no recovery', 'forgets requests', 'tells it differently'] as const;
    await campaign.start({ faults: defects.map((defect) => ({ do: 'break', defect })) });
    await campaign.comeBack();
    await campaign.until(() => ledger.unanswered().length === 0);
    await campaign.judge([]);

    const { counts } = ledger;
    counts.print('kill -9, then a server that recovers, remembers and tells badly');
    expect(counts.faults.unendedRuns).toBeGreaterThan(0);
    expect(counts.faults.changedEvents).toBeGreaterThan(0);
    expect(counts.faults.startedTwice).toBeGreaterThan(0);
  });
});
