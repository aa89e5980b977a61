import type { JsonObject, JsonValue } from './json.js';

/** The data of each event that a thread's log can hold, by type. A closed union: what is not here is not sent. */
export interface ThreadEventData {
  message_created: {
    messageId: string;
    userId: string;
    role: 'user';
    content: string;
    runId?: string;
    metadata?: JsonObject;
  };
  agent_started: { input?: JsonValue };
  agent_thinking: { text: string };
  agent_delta: { messageId: string; text: string };
  tool_executing: { toolCallId: string; tool: string; args: JsonValue };
  tool_completed: { toolCallId: string; tool: string; result?: JsonValue; error?: JsonValue; durationMs: number };
  progress_update: { message: string; percent?: number };
  input_requested: { requestId: string; prompt?: string; schema?: JsonValue };
  input_received: { requestId: string; value: JsonValue };
  agent_completed: { messageId?: string; content: string; usage?: JsonObject; durationMs: number };
  agent_error: { code: RunErrorCode; message: string; retryable: boolean };
  agent_cancelled: { reason: string };
  custom: { name: string; value: JsonValue };
  thread_updated: { title?: string | null; metadata?: JsonObject; members?: readonly string[] };
}

export type ThreadEventType = keyof ThreadEventData;

/** Why a run failed. `run_interrupted`: the process that ran it went away. */
export type RunErrorCode = 'run_failed' | 'run_timeout' | 'run_stalled' | 'input_expired' | 'run_interrupted';

/** The types with which a run ends; it has exactly one of them, last. */
export const TERMINAL_EVENT_TYPES = ['agent_completed', 'agent_error', 'agent_cancelled'] as const;

/** What an agent may emit while it runs. Start, end and input are the engine's own. */
export type AgentEventType =
  'agent_thinking' | 'agent_delta' | 'tool_executing' | 'tool_completed' | 'progress_update' | 'custom';

/** One event of a thread as it is sent. `from`: the first seq that it covers, where several were merged. */
export interface EventEnvelope<T extends ThreadEventType = ThreadEventType> {
  readonly threadId: string;
  readonly seq: number;
  readonly from?: number;
  readonly type: T;
  readonly runId?: string;
  readonly agent?: string;
  /** Unix ms. */
  readonly time: number;
  readonly data: ThreadEventData[T];
}
