import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { EMPTY_VIEW, fold, foldAll, type ThreadEvent } from './index.js';

const RUNS = ['run_a', 'run_b'];
const id = fc.constantFrom('1', '2');

/** What a run may say, in any order: folding must not care whether an agent behaves. */
const body = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({ messageId: id, text: fc.string({ maxLength: 4 }) })
      .map((data) => ({ type: 'agent_delta', data })),
  },
  fc.record({ text: fc.string({ maxLength: 4 }) }).map((data) => ({ type: 'agent_thinking', data })),
  fc
    .record({ toolCallId: id, tool: fc.constant('t'), args: fc.constant(null) })
    .map((data) => ({ type: 'tool_executing', data })),
  fc
    .record({ toolCallId: id, tool: fc.constant('t'), durationMs: fc.nat() })
    .map((data) => ({ type: 'tool_completed', data })),
  fc.record({ requestId: id }).map((data) => ({ type: 'input_requested', data })),
  fc.record({ requestId: id, value: fc.constant('v') }).map((data) => ({ type: 'input_received', data })),
  fc
    .record({ messageId: id, content: fc.string(), durationMs: fc.nat() })
    .map((data) => ({ type: 'agent_completed', data })),
  fc.constant({ type: 'agent_cancelled', data: { reason: 'stopped' } }),
  fc.constant({ type: 'thread_updated', data: { title: 'T' } }),
);

const log = fc
  .array(fc.tuple(fc.constantFrom(...RUNS), body), { maxLength: 40 })
  .map((entries) =>
    entries.map(
      ([runId, { type, data }], index) =>
        ({ threadId: 'thread_x', seq: index + 1, time: index, runId, agent: 'a', type, data }) as ThreadEvent,
    ),
  );

/** As the server merges on catching up: neighbouring deltas of one run and message, where `joins` says so. */
function merged(events: readonly ThreadEvent[], joins: readonly boolean[]): ThreadEvent[] {
  const list: ThreadEvent[] = [];
  for (const [index, event] of events.entries()) {
    const last = list.at(-1);
    const together =
      event.type === 'agent_delta' &&
      last?.type === 'agent_delta' &&
      last.runId === event.runId &&
      last.data.messageId === event.data.messageId &&
      joins[index] === true;
    if (!together) list.push(event);
    else {
      const data = { ...last.data, text: last.data.text + event.data.text };
      list[list.length - 1] = { ...last, from: last.from ?? last.seq, seq: event.seq, data };
    }
  }
  return list;
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

describe('Folding', () => {
  it('gives the same view for single events and for merged ones', () => {
    fc.assert(
      fc.property(log, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (events, joins) => {
        expect(foldAll(EMPTY_VIEW, merged(events, joins))).toEqual(foldAll(EMPTY_VIEW, events));
      }),
    );
  });

  it('changes no view that it was given, and takes nothing twice', () => {
    fc.assert(
      fc.property(log, (events) => {
        let view = frozen(EMPTY_VIEW);
        for (const event of events) {
          view = frozen(fold(view, event));
          expect(fold(view, event)).toBe(view);
        }
      }),
    );
  });

  it('leaves nothing of an ended run open', () => {
    fc.assert(
      fc.property(log, (events) => {
        const ends = RUNS.map((runId, index) => ({
          ...{ threadId: 'thread_x', seq: events.length + 1 + index, time: 0, runId },
          ...{ type: 'agent_error', data: { code: 'run_failed', message: 'm', retryable: false } },
        })) as ThreadEvent[];
        const view = foldAll(EMPTY_VIEW, [...events, ...ends]);
        const states = [...view.messages, ...view.toolCalls, ...view.requests, ...view.runs].map(({ state }) => state);

        expect(
          states.filter((state) => ['streaming', 'running', 'open', 'waiting_input', 'queued'].includes(state)),
        ).toEqual([]);
      }),
    );
  });
});
