import { describe, expect, it } from '@jest/globals';

import type { ThreadEventData, ThreadEventType } from '../protocol/index.js';
import { EMPTY_VIEW, foldAll, type ThreadEvent } from './index.js';

/** A log of these, of one run. */
function log(...entries: { [T in ThreadEventType]: [T, ThreadEventData[T]] }[ThreadEventType][]): ThreadEvent[] {
  return entries.map(
    ([type, data], index) =>
      ({ threadId: 'thread_x', seq: index + 1, time: index, runId: 'run_1', agent: 'a', type, data }) as ThreadEvent,
  );
}

const question = { messageId: 'm', userId: 'u', role: 'user', content: 'Hi', runId: 'run_1' } as const;

describe('The view of a thread', () => {
  it('streams an answer, which what the end says replaces', () => {
    const events = log(
      ['message_created', question],
      ['agent_started', {}],
      ['agent_delta', { messageId: 'a', text: 'Hel' }],
      ['agent_delta', { messageId: 'a', text: 'lo' }],
      ['agent_completed', { messageId: 'a', content: 'Hello!', durationMs: 3 }],
    );

    expect(foldAll(EMPTY_VIEW, events.slice(0, 1)).runs).toMatchObject([{ runId: 'run_1', state: 'queued' }]);
    expect(foldAll(EMPTY_VIEW, events.slice(0, 4)).messages).toMatchObject([
      { role: 'user', text: 'Hi', state: 'complete' },
      { role: 'agent', text: 'Hello', state: 'streaming', seq: 3 },
    ]);
    const view = foldAll(EMPTY_VIEW, events);
    expect(view.messages[1]).toMatchObject({ text: 'Hello!', state: 'complete' });
    expect(view.runs).toMatchObject([{ state: 'completed', durationMs: 3, agent: 'a' }]);
  });

  it('has the answer of a run that said nothing before its end, and of one that names no message', () => {
    const whole = foldAll(
      EMPTY_VIEW,
      log(['agent_started', {}], ['agent_completed', { content: 'all', durationMs: 1 }]),
    );
    const unnamed = foldAll(
      EMPTY_VIEW,
      log(['agent_delta', { messageId: 'a', text: 'al' }], ['agent_completed', { content: 'all', durationMs: 1 }]),
    );

    expect(whole.messages).toMatchObject([{ text: 'all', state: 'complete', role: 'agent' }]);
    expect(unnamed.messages).toMatchObject([{ messageId: 'a', text: 'all', state: 'complete' }]);
  });

  it('breaks off what a run that failed has left open', () => {
    const view = foldAll(
      EMPTY_VIEW,
      log(
        ['agent_started', {}],
        ['agent_delta', { messageId: 'a', text: 'half' }],
        ['tool_executing', { toolCallId: 't', tool: 'search', args: {} }],
        ['input_requested', { requestId: 'r', prompt: 'Sure?' }],
        ['agent_error', { code: 'run_interrupted', message: 'gone', retryable: true }],
      ),
    );

    expect(view.messages).toMatchObject([{ text: 'half', state: 'broken_off' }]);
    expect(view.toolCalls).toMatchObject([{ state: 'broken_off' }]);
    expect(view.requests).toMatchObject([{ state: 'closed' }]);
    expect(view.runs).toMatchObject([{ state: 'failed', error: { code: 'run_interrupted' } }]);
  });

  it('shows tools, progress, thinking and requests as they go', () => {
    const view = foldAll(
      EMPTY_VIEW,
      log(
        ['agent_thinking', { text: 'hm' }],
        ['agent_thinking', { text: 'm' }],
        ['progress_update', { message: 'half', percent: 50 }],
        ['tool_executing', { toolCallId: 't', tool: 'search', args: { q: 1 } }],
        ['tool_completed', { toolCallId: 't', tool: 'search', error: 'no', durationMs: 2 }],
        ['input_requested', { requestId: 'r' }],
        ['input_received', { requestId: 'r', value: 'yes' }],
        ['thread_updated', { title: 'New' }],
      ),
    );

    expect(view.runs).toMatchObject([{ thinking: 'hmm', progress: { percent: 50 }, state: 'running' }]);
    expect(view.toolCalls).toMatchObject([{ args: { q: 1 }, state: 'failed', error: 'no', durationMs: 2 }]);
    expect(view.requests).toMatchObject([{ state: 'answered', value: 'yes' }]);
    expect(view.title).toBe('New');
  });

  it('shares what an event does not touch', () => {
    const events = log(
      ['message_created', question],
      ['agent_started', {}],
      ['agent_delta', { messageId: 'a', text: 'x' }],
      ['agent_delta', { messageId: 'a', text: 'y' }],
    );
    const before = foldAll(EMPTY_VIEW, events.slice(0, 3));
    const after = foldAll(before, events);

    expect(after.messages[0]).toBe(before.messages[0]);
    expect(after.messages[1]).not.toBe(before.messages[1]);
    expect([after.runs, after.toolCalls, after.requests]).toEqual([before.runs, before.toolCalls, before.requests]);
    expect(after.runs).toBe(before.runs);
    expect(after.toolCalls).toBe(before.toolCalls);
  });
});
