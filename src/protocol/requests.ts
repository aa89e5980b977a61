import { z } from 'zod';

import { WIRE_ERROR } from '../errors/index.js';
import { ACTIVITY_TYPES, EVENT_ENVELOPE } from './events.js';
import type { JsonValue } from './json.js';

export const RUN_STATUS = z
  .enum(['queued', 'running', 'waiting_input', 'completed', 'failed', 'cancelled'])
  .meta({ id: 'RunStatus', description: '`queued → running ⇄ waiting_input → completed | failed | cancelled`.' });

export type RunStatus = z.infer<typeof RUN_STATUS>;

/** What happens to a start when the thread has a run already. */
export const RUN_POLICIES = ['queue', 'reject', 'interrupt', 'parallel'] as const;
export type RunPolicy = (typeof RUN_POLICIES)[number];

const THREAD = { threadId: z.string() };
const HEAD = { head: z.int().min(0).describe('The last seq of the log, 0 while it is empty.') };
const LOG = { ...HEAD, epoch: z.string().describe('The mark of the log, to come back by.') };
const DUPLICATE = { duplicate: z.boolean().describe('It was asked before, and nothing has happened now.') };
const USER = {
  userId: z.string(),
  expiresAt: z.number().nullable().describe('Unix ms; null for a token that does not expire.'),
};
const PREVIOUS = { previousThreadId: z.string().nullable() };
const STARTED = {
  ...THREAD,
  runId: z.string(),
  status: RUN_STATUS,
  associated: z.boolean().describe('The connection follows the thread.'),
  associationMs: z.int().min(0).describe('How long the start waited for that.'),
  ...DUPLICATE,
};

export const MESSAGE_ANSWER = z.object({
  ...STARTED,
  messageId: z.string(),
  seq: z.int().min(1).describe('Of the message.'),
});
export type MessageAnswer = z.infer<typeof MESSAGE_ANSWER>;

export const START_ANSWER = z.object(STARTED);

export const HISTORY_ANSWER = z.object({
  events: z.array(EVENT_ENVELOPE).readonly(),
  ...LOG,
  nextAfter: z.int().nullable().describe('Where to read on; null at the head.'),
});
export type HistoryAnswer = z.infer<typeof HISTORY_ANSWER>;

/** The answer to each request, beside `ok`: the one place where it is defined. */
export const ANSWERS = {
  authenticate: z.object(USER),
  create_thread: z.object({ ...THREAD, ...LOG, ...DUPLICATE }),
  switch_thread: z.object({ ...THREAD, ...PREVIOUS, ...LOG }),
  subscribe_thread: z.object({ ...THREAD, ...LOG }),
  unsubscribe_thread: z.object(THREAD),
  user_message: MESSAGE_ANSWER,
  start_agent: START_ANSWER,
  stop_agent: z.object({ runId: z.string(), status: RUN_STATUS }),
  provide_input: z.object({ runId: z.string() }),
  get_thread_history: HISTORY_ANSWER,
  ack_events: z.object({ ...THREAD, seq: z.int().min(0).describe('How far the user has acknowledged.') }),
  ping: z.object({ time: z.int().describe('Unix ms.') }),
};

export type RequestType = keyof typeof ANSWERS;

export type Answers = { [T in RequestType]: z.infer<(typeof ANSWERS)[T]> };

const REFUSAL = z
  .object({ ok: z.literal(false), error: WIRE_ERROR })
  .meta({ id: 'Refusal', description: 'The request was refused, and has changed nothing.' });

export type Answer<T extends RequestType = RequestType> = ({ ok: true } & Answers[T]) | z.infer<typeof REFUSAL>;

/** What the callback of a request is given. */
export function answerFormOf(type: RequestType) {
  return z.union([z.object({ ok: z.literal(true), ...ANSWERS[type].shape }), REFUSAL]);
}

const CONNECTION = { connectionId: z.string() };
const DETACH_REASON = z.enum(['deleted', 'access_removed']);

export type DetachReason = z.infer<typeof DETACH_REASON>;

/** What the server sends beside the events of threads; without `seq`, never logged. */
export const SERVER_EVENTS = {
  connection_accepted: z
    .object({ ...CONNECTION, authTimeoutMs: z.int().describe('How long a token may take to come.') })
    .describe('The first event, before any token is looked at.'),
  connection_authenticated: z.object({ ...CONNECTION, ...USER }).describe('The token was verified.'),
  connection_ready: z
    .object({
      ...CONNECTION,
      userId: z.string(),
      threadId: z.string().nullable().describe('The active thread.'),
      heldRequests: z.int().min(0).describe('Requests that came before this and are processed now.'),
    })
    .describe('Requests are served.'),
  server_draining: z
    .object({ reconnectInMs: z.int().min(0).describe('A good moment to come back.') })
    .describe('The server is about to close.'),
  exception: z
    .object({
      request: z.string().optional().describe('The name of the request that failed.'),
      error: WIRE_ERROR,
      reconnect: z.boolean().optional().describe('Where the connection ends: whether coming back makes sense.'),
    })
    .describe('A request without a callback failed, or the connection is about to be ended.'),
  thread_switched: z.object({ ...THREAD, ...PREVIOUS, ...LOG }).describe('The active thread is in place.'),
  thread_caught_up: z.object({ ...THREAD, ...HEAD }).describe('All up to `head` was sent; live from here.'),
  thread_detached: z.object({ ...THREAD, reason: DETACH_REASON }).describe('The server has ended the following.'),
  thread_activity: z
    .object({ ...THREAD, runId: z.string(), type: z.enum(ACTIVITY_TYPES), seq: z.int().min(1) })
    .describe('A run of the user has ended or asks, in a thread that none of the user’s connections follows.'),
};

export type ServerEvents = { [T in keyof typeof SERVER_EVENTS]: z.infer<(typeof SERVER_EVENTS)[T]> };

/** The value that an answer to `requestInput` carries. */
export type InputValue = JsonValue;
