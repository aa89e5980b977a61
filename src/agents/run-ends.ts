import type { RunErrorCode } from '../protocol/index.js';
import { RedactionFailure, type EventFactory, type RunEnd } from '../threads/index.js';
import { AgentError } from './agent-error.js';
import type { AgentResult } from './agent.js';
import { cutText } from './bounded-text.js';
import { fitting } from './fitting.js';

const MAX_MESSAGE_BYTES = 2_000;
const MAX_REASON_BYTES = 500;

const OVERDUE_MESSAGES = {
  run_timeout: 'The run took longer than is allowed.',
  run_stalled: 'The run went silent.',
  input_expired: 'The input that the run asked for did not come in time.',
  run_interrupted: 'The process that executed the run went away.',
} as const satisfies Partial<Record<RunErrorCode, string>>;

/** The end of a run that something else than its agent ended. */
export function overdueEnd(code: Exclude<keyof typeof OVERDUE_MESSAGES, 'input_expired'>): RunEnd {
  return { type: 'agent_error', data: { code, message: OVERDUE_MESSAGES[code], retryable: true }, ownWords: true };
}

/** The end of a run that has waited too long for this input. */
export function expiredEnd(requestId: string): RunEnd {
  const code = 'input_expired';
  const data = { code, message: OVERDUE_MESSAGES[code], retryable: true } as const;
  return { type: 'agent_error', data, expired: requestId, ownWords: true };
}

/** The end of a run whose agent, or whose emitting, failed: with the error's message, never its stack. */
export function failedEnd(events: EventFactory, reason: unknown): RunEnd {
  if (reason instanceof RedactionFailure) {
    return {
      type: 'agent_error',
      data: { code: 'run_failed', message: reason.message, retryable: true },
      ownWords: true,
    };
  }
  const message = cutText(events.redactTextOrWithhold(textOf(reason)), MAX_MESSAGE_BYTES);
  const retryable = reason instanceof AgentError ? reason.retryable : true;
  return { type: 'agent_error', data: { code: 'run_failed', message, retryable } };
}

export function cancelledEnd(events: EventFactory, reason: string): RunEnd {
  return { type: 'agent_cancelled', data: { reason: cutText(events.redactTextOrWithhold(reason), MAX_REASON_BYTES) } };
}

/** Cut to what an event can hold. Throws a TypeError for what is no result. */
export function completedEnd(
  events: EventFactory,
  result: AgentResult | undefined,
  messageId: string,
  durationMs: number,
): RunEnd {
  if (typeof result?.content !== 'string') throw new TypeError('The agent returned no content.');
  const { content, usage } = result;
  const data = { messageId, content, ...(usage === undefined ? {} : { usage }), durationMs };
  return { type: 'agent_completed', data: fitting(events, { type: 'agent_completed', data }).data };
}

/** Anything can be thrown, also what has no text, or throws when it is asked for it. */
export function textOf(reason: unknown): string {
  try {
    const said: unknown = reason instanceof Error ? reason.message : reason;
    return typeof said === 'string' && said !== '' ? said : 'The agent failed.';
  } catch {
    return 'The agent failed.';
  }
}
