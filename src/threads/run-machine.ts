import type { RunStatus, ThreadEventData } from '../protocol/index.js';

/**
 * The life of a run, as a pure machine:
 *
 *     queued → running ⇄ waiting_input
 *        └────────┴──────────┴──────→ completed | failed | cancelled
 *
 * An ended run stays as it ended: whatever comes later is refused, so that of two things that race to end it
 * exactly one does. A run that was cancelled while queued has never begun.
 */
export type RunCommand = 'begin' | 'resume' | 'await_input' | 'receive_input' | 'complete' | 'fail' | 'cancel';

const TRANSITIONS: Readonly<Record<RunStatus, Partial<Record<RunCommand, RunStatus>>>> = {
  queued: { begin: 'running', cancel: 'cancelled', fail: 'failed' },
  running: {
    resume: 'running',
    await_input: 'waiting_input',
    complete: 'completed',
    fail: 'failed',
    cancel: 'cancelled',
  },
  waiting_input: {
    resume: 'running',
    await_input: 'waiting_input',
    receive_input: 'running',
    complete: 'completed',
    fail: 'failed',
    cancel: 'cancelled',
  },
  completed: {},
  failed: {},
  cancelled: {},
};

/** The status after the command, or null where the command does not apply. */
export function nextStatus(status: RunStatus, command: RunCommand): RunStatus | null {
  return TRANSITIONS[status][command] ?? null;
}

export function hasEnded(status: RunStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** Has begun and not ended. */
export function isUnderWay(status: RunStatus): boolean {
  return status === 'running' || status === 'waiting_input';
}

/** How a run ends: its terminal event. */
export type RunEnd =
  | { readonly type: 'agent_completed'; readonly data: ThreadEventData['agent_completed'] }
  | {
      readonly type: 'agent_error';
      readonly data: ThreadEventData['agent_error'];
      /** The request for input that was not answered in time. Answered meanwhile, it ends nothing. */
      readonly expired?: string;
      /** Its message is the server's own words: there is nothing in it to redact. */
      readonly ownWords?: true;
    }
  | { readonly type: 'agent_cancelled'; readonly data: ThreadEventData['agent_cancelled'] };

export const END_COMMANDS = {
  agent_completed: 'complete',
  agent_error: 'fail',
  agent_cancelled: 'cancel',
} as const satisfies Record<RunEnd['type'], RunCommand>;

export function isTerminalType(type: string): type is RunEnd['type'] {
  return type in END_COMMANDS;
}

/** What the registry keeps of an end, beside the event. */
export function endReason(end: RunEnd): string | null {
  if (end.type === 'agent_error') return end.data.code;
  return end.type === 'agent_cancelled' ? end.data.reason : null;
}
