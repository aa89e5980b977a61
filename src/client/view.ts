import type { JsonObject, JsonValue, RunErrorCode, ThreadEventData } from '../protocol/index.js';

/** A user's message, or an agent's answer as far as it has come. */
export interface ViewMessage {
  readonly messageId: string;
  readonly role: 'user' | 'agent';
  readonly text: string;
  /** `broken_off`: its run has ended without completing, and no more of it will come. */
  readonly state: 'streaming' | 'complete' | 'broken_off';
  /** Where it begins in the log. */
  readonly seq: number;
  readonly time: number;
  /** The run that has written it, or that answers it. */
  readonly runId?: string;
  readonly agent?: string;
  readonly userId?: string;
  readonly metadata?: JsonObject;
}

export interface ViewToolCall {
  readonly toolCallId: string;
  readonly runId: string;
  readonly tool: string;
  /** Null where the call began before the view. */
  readonly args: JsonValue;
  /** `broken_off`: the run has ended before the tool has returned; there is no outcome. */
  readonly state: 'running' | 'completed' | 'failed' | 'broken_off';
  readonly seq: number;
  readonly result?: JsonValue;
  readonly error?: JsonValue;
  readonly durationMs?: number;
}

export interface ViewRequest {
  readonly requestId: string;
  readonly runId: string;
  /** `open`: it may be answered with `provideInput`. */
  readonly state: 'open' | 'answered' | 'closed';
  readonly seq: number;
  readonly prompt?: string;
  readonly schema?: JsonValue;
  readonly value?: JsonValue;
}

export interface ViewRun {
  readonly runId: string;
  readonly agent?: string;
  readonly state: 'queued' | 'running' | 'waiting_input' | 'completed' | 'failed' | 'cancelled';
  readonly thinking: string;
  readonly progress?: { readonly message: string; readonly percent?: number };
  readonly input?: JsonValue;
  readonly error?: { readonly code: RunErrorCode; readonly message: string; readonly retryable: boolean };
  /** Why it was cancelled. */
  readonly reason?: string;
  readonly usage?: JsonObject;
  readonly durationMs?: number;
}

/** A thread, ready to be drawn. Parts that an event does not touch stay the same objects. */
export interface ThreadView {
  /** The last event in it. */
  readonly seq: number;
  readonly messages: readonly ViewMessage[];
  readonly toolCalls: readonly ViewToolCall[];
  readonly requests: readonly ViewRequest[];
  readonly runs: readonly ViewRun[];
  readonly custom: readonly (ThreadEventData['custom'] & { readonly seq: number; readonly runId?: string })[];
  readonly title: string | null;
  readonly metadata: JsonObject;
  readonly members: readonly string[];
}

export const EMPTY_VIEW: ThreadView = {
  seq: 0,
  messages: [],
  toolCalls: [],
  requests: [],
  runs: [],
  custom: [],
  title: null,
  metadata: {},
  members: [],
};
