import type { JsonObject, JsonValue, RequestType, RunPolicy } from '../protocol/index.js';

/** How a message is sent. What is left out is chosen: the active thread, a fresh id, the default agent, `queue`. */
export interface SendOptions {
  readonly threadId?: string;
  /** Of one's own, where the message is kept beyond this process: sent again under it, it is one message. */
  readonly messageId?: string;
  readonly agent?: string;
  readonly metadata?: JsonObject;
  readonly policy?: RunPolicy;
}

export interface StartOptions {
  readonly threadId?: string;
  readonly messageId?: string;
  readonly input?: JsonValue;
  readonly policy?: RunPolicy;
}

export interface NewThread {
  readonly threadId?: string;
  readonly title?: string;
  readonly metadata?: JsonObject;
}

/** A page of a log: behind `after`, or the last ones below `before`. */
export interface HistoryPage {
  readonly after?: number;
  readonly before?: number;
  readonly limit?: number;
  /** Neighbouring pieces of an answer come as one. */
  readonly view?: 'compact';
}

/** What each request takes on the wire. */
export interface Payloads extends Record<RequestType, object> {
  authenticate: { readonly token: string };
  switch_thread: { readonly threadId: string };
  subscribe_thread: { readonly threadId: string; readonly after?: number; readonly epoch?: string };
  unsubscribe_thread: { readonly threadId: string };
  user_message: SendOptions & { readonly content: string; readonly messageId: string };
  start_agent: StartOptions & { readonly agent: string; readonly messageId: string };
  create_thread: NewThread & { readonly threadId: string };
  stop_agent: { readonly runId: string; readonly reason?: string };
  provide_input: { readonly runId: string; readonly requestId: string; readonly value: JsonValue };
  get_thread_history: HistoryPage & { readonly threadId: string };
  ack_events: { readonly threadId: string; readonly seq: number };
}
