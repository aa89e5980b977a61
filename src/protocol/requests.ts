import type { WireError } from '../errors/index.js';
import type { EventEnvelope } from './events.js';
import type { JsonValue } from './json.js';

/** `queued → running ⇄ waiting_input → completed | failed | cancelled`. */
export type RunStatus = 'queued' | 'running' | 'waiting_input' | 'completed' | 'failed' | 'cancelled';

/** What happens to a start when the thread has a run already. */
export const RUN_POLICIES = ['queue', 'reject', 'interrupt', 'parallel'] as const;
export type RunPolicy = (typeof RUN_POLICIES)[number];

export interface MessageAnswer {
  threadId: string;
  messageId: string;
  seq: number;
  runId: string;
  status: RunStatus;
  associated: boolean;
  duplicate: boolean;
}

export interface HistoryAnswer {
  events: readonly EventEnvelope[];
  head: number;
  epoch: string;
  nextAfter: number | null;
}

/** The answer to each request, beside `ok`. */
export interface Answers {
  authenticate: { userId: string; expiresAt: number | null };
  create_thread: { threadId: string; head: number; epoch: string; duplicate: boolean };
  switch_thread: { threadId: string; previousThreadId: string | null; head: number; epoch: string };
  subscribe_thread: { threadId: string; head: number; epoch: string };
  unsubscribe_thread: { threadId: string };
  user_message: MessageAnswer;
  start_agent: Omit<MessageAnswer, 'messageId' | 'seq'>;
  stop_agent: { runId: string; status: RunStatus };
  provide_input: { runId: string };
  get_thread_history: HistoryAnswer;
  ack_events: { threadId: string; seq: number };
  ping: { time: number };
}

export type RequestType = keyof Answers;

export type Answer<T extends RequestType = RequestType> = ({ ok: true } & Answers[T]) | { ok: false; error: WireError };

/** What the server sends beside the events of threads; without `seq`, never logged. */
export interface ServerEvents {
  connection_accepted: { connectionId: string; authTimeoutMs: number };
  connection_authenticated: { connectionId: string; userId: string; expiresAt: number | null };
  connection_ready: { connectionId: string; userId: string; threadId: string | null; heldRequests: number };
  server_draining: { reconnectInMs: number };
  exception: { request?: string; error: WireError; reconnect?: boolean };
  /** `epoch`: the mark of the log, to come back by. */
  thread_switched: { threadId: string; previousThreadId: string | null; head: number; epoch: string };
  thread_caught_up: { threadId: string; head: number };
  thread_detached: { threadId: string; reason: DetachReason };
}

export type DetachReason = 'deleted' | 'access_removed';

/** The value that an answer to `requestInput` carries. */
export type InputValue = JsonValue;
