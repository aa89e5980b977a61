import { z } from 'zod';

import { JSON_OBJECT, JSON_VALUE } from './json.js';

/** Why a run failed. */
const RUN_ERROR_CODE = z
  .enum(['run_failed', 'run_timeout', 'run_stalled', 'input_expired', 'run_interrupted'])
  .describe('`run_interrupted`: the process that executed it went away.');

export type RunErrorCode = z.infer<typeof RUN_ERROR_CODE>;

const TOOL_CALL = { toolCallId: z.string(), tool: z.string() };
const DURATION = z.number().describe('How long it took, in ms.');

/**
 * The data of each event that a thread's log can hold, by type: the one place where an event is defined. Its type, its
 * description for others and its JSON Schema are made from this. A closed union: what is not here is not sent.
 */
export const THREAD_EVENTS = {
  message_created: z
    .object({
      messageId: z.string(),
      userId: z.string().describe('Who wrote it.'),
      role: z.literal('user'),
      content: z.string(),
      runId: z.string().optional().describe('The run that answers it.'),
      metadata: JSON_OBJECT.optional(),
    })
    .describe('A user’s message, and the run that answers it.'),
  agent_started: z
    .object({ input: JSON_VALUE.optional().describe('Where it was not a message.') })
    .describe('The first event of a run.'),
  agent_thinking: z.object({ text: z.string() }).describe('What the agent thinks.'),
  agent_delta: z.object({ messageId: z.string(), text: z.string() }).describe('A piece of the answer.'),
  tool_executing: z.object({ ...TOOL_CALL, args: JSON_VALUE }).describe('A tool is called.'),
  tool_completed: z
    .object({
      ...TOOL_CALL,
      result: JSON_VALUE.optional(),
      error: JSON_VALUE.optional().describe('Where it has failed.'),
      durationMs: DURATION,
    })
    .describe('A tool has returned, or failed.'),
  progress_update: z.object({ message: z.string(), percent: z.number().optional() }).describe('How far the run is.'),
  input_requested: z
    .object({
      requestId: z.string().describe('To be given to `provide_input`.'),
      prompt: z.string().optional(),
      schema: JSON_VALUE.optional().describe('JSON Schema, for a form.'),
    })
    .describe('The run waits for `provide_input`.'),
  input_received: z.object({ requestId: z.string(), value: JSON_VALUE }).describe('Somebody has answered.'),
  agent_completed: z
    .object({
      messageId: z.string().optional(),
      content: z.string().describe('The whole answer, also where deltas have told it.'),
      usage: JSON_OBJECT.optional().describe('What the model says that it took.'),
      durationMs: DURATION,
    })
    .describe('The end of a run that came to its end.'),
  agent_error: z
    .object({ code: RUN_ERROR_CODE, message: z.string(), retryable: z.boolean() })
    .describe('The end of a run that failed.'),
  agent_cancelled: z
    .object({ reason: z.string().describe('`stopped`, `interrupted`, or the reason that was given.') })
    .describe('The end of a run that was stopped.'),
  custom: z.object({ name: z.string(), value: JSON_VALUE }).describe('An agent’s own.'),
  thread_updated: z
    .object({
      title: z.string().nullable().optional(),
      metadata: JSON_OBJECT.optional(),
      members: z.array(z.string()).readonly().optional(),
    })
    .describe('What of the thread has changed, with its new value.'),
};

export type ThreadEventType = keyof typeof THREAD_EVENTS;

export type ThreadEventData = { [T in ThreadEventType]: z.infer<(typeof THREAD_EVENTS)[T]> };

/** The types with which a run ends; it has exactly one of them, last. */
export const TERMINAL_EVENT_TYPES = ['agent_completed', 'agent_error', 'agent_cancelled'] as const;

/** The events of which a run's user is told, wherever they are: it has ended, or asks. */
export const ACTIVITY_TYPES = [...TERMINAL_EVENT_TYPES, 'input_requested'] as const;
export type ActivityType = (typeof ACTIVITY_TYPES)[number];

/** What an agent may emit while it runs. Start, end and input are the engine's own. */
export type AgentEventType =
  'agent_thinking' | 'agent_delta' | 'tool_executing' | 'tool_completed' | 'progress_update' | 'custom';

/** What a process appends for a run that it executes outside of this server. */
export type ExternalEventType = Exclude<ThreadEventType, 'message_created' | 'input_received' | 'thread_updated'>;

const ENVELOPE = {
  threadId: z.string(),
  seq: z.int().min(1).describe('Its place in the log of its thread.'),
  from: z.int().min(1).optional().describe('The first seq that it covers, where several were merged.'),
  runId: z.string().optional().describe('The run that has made it.'),
  agent: z.string().optional().describe('The agent of that run.'),
  time: z.int().describe('Unix ms.'),
};

/** One event of a thread as it is sent. */
export interface EventEnvelope<T extends ThreadEventType = ThreadEventType> extends Readonly<
  z.infer<z.ZodObject<typeof ENVELOPE>>
> {
  readonly type: T;
  readonly data: ThreadEventData[T];
}

export const THREAD_EVENT_TYPES = Object.keys(THREAD_EVENTS) as readonly ThreadEventType[];

/** An event of this type, with what stands around its data. */
export function envelopeFormOf(type: ThreadEventType) {
  const data = THREAD_EVENTS[type];
  return z
    .object({ ...ENVELOPE, type: z.literal(type), data })
    .meta({ id: type, ...(data.description !== undefined && { description: data.description }) });
}

/** An event of whatever type. */
export const EVENT_ENVELOPE = z
  .union(THREAD_EVENT_TYPES.map(envelopeFormOf))
  .meta({ id: 'Event', description: 'An event of a thread.' }) as z.ZodType<EventEnvelope>;
