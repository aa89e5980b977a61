import type { Socket } from 'socket.io-client';

import type { Answer, EventEnvelope, RequestType, ServerEvents, ThreadEventType } from '../protocol/index.js';

/** An event of a thread, told apart by its `type`. */
export type ThreadEvent = { readonly [T in ThreadEventType]: EventEnvelope<T> }[ThreadEventType];

/** An error as the server tells it. */
export type Refusal = Extract<Answer, { ok: false }>['error'];

/** How far a log was read, and which log that is. */
export interface Cursor {
  readonly seq: number;
  /** Null: not known yet, and not checked. */
  readonly epoch: string | null;
}

type Downstream = { [T in keyof ServerEvents]: (data: ServerEvents[T]) => void } & {
  events: (events: readonly ThreadEvent[]) => void;
};

type Upstream = Record<RequestType, (payload: object, ack: (answer: Answer) => void) => void>;

export type ThreadcastSocket = Socket<Downstream, Upstream>;

/** What passes by itself: the same request is sent again, without asking. */
const PASSING: readonly string[] = [
  'rate_limited',
  'pending_queue_full',
  'starting',
  'draining',
  'storage_unavailable',
];

/** Whether the request should be sent again later, and after how long. */
export function retryAfter(error: Refusal, tries: number, backoff: (tries: number) => number): number | null {
  if (!PASSING.includes(error.code)) return null;
  const told = error.details?.['retryAfterMs'];
  return typeof told === 'number' ? Math.max(told, 10) : backoff(tries);
}
