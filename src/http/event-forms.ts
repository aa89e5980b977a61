import { z } from 'zod';

import { invalidFields, type FailedField } from '../errors/index.js';
import { THREAD_EVENTS, type ExternalEventType } from '../protocol/index.js';
import { wireSchema, type JsonSchema } from '../schema/index.js';
import type { ExternalEvent } from '../threads/index.js';

const MAX_NAME_CHARACTERS = 256;
const NAME = z.string().min(1).max(MAX_NAME_CHARACTERS);
const CALL = { toolCallId: NAME, tool: NAME };
const MEASURED = z.number().min(0).optional().describe('Measured by the server where it is not given.');
const REASON = z.string().max(1_000);

const { agent_started, agent_thinking, progress_update, input_requested, agent_error } = THREAD_EVENTS;

/** The data of each event that a process may append for its run: as in the log, with bounds for what is a name. */
const DATA = {
  agent_started,
  agent_thinking,
  agent_delta: THREAD_EVENTS.agent_delta.extend({ messageId: NAME }),
  tool_executing: THREAD_EVENTS.tool_executing.extend(CALL),
  tool_completed: THREAD_EVENTS.tool_completed.extend({ ...CALL, durationMs: z.number().min(0) }),
  progress_update,
  input_requested: input_requested.extend({ requestId: NAME }),
  custom: THREAD_EVENTS.custom.extend({ name: NAME }),
  agent_completed: THREAD_EVENTS.agent_completed.extend({ messageId: NAME.optional(), durationMs: MEASURED }),
  agent_error,
  agent_cancelled: THREAD_EVENTS.agent_cancelled.extend({ reason: REASON }),
} satisfies Record<ExternalEventType, z.ZodObject>;

/** Made once: an object of forms takes longer to make than to use. */
class EventForm {
  readonly #whole;
  /** Optional fields to which null means nothing but that they are left out. */
  readonly #absentAsNull: ReadonlySet<string>;

  constructor(data: z.ZodObject) {
    this.#whole = z.object({ data, eventId: EVENT_ID });
    const fields = Object.entries<z.ZodType>(data.shape);
    this.#absentAsNull = new Set(fields.filter(([, field]) => isOptional(field)).map(([name]) => name));
  }

  read(data: unknown, eventId: unknown) {
    return this.#whole.safeParse({ data: this.#withoutNulls(data), eventId });
  }

  #withoutNulls(data: unknown): unknown {
    if (!isObject(data)) return data;
    return Object.fromEntries(
      Object.entries(data).filter(([name, value]) => value !== null || !this.#absentAsNull.has(name)),
    );
  }
}

const TYPES = Object.keys(DATA) as readonly ExternalEventType[];

const EVENT_ID = NAME.nullish().describe('Makes it safe to send again: an event that is known is a duplicate.');

const FORMS: ReadonlyMap<unknown, EventForm> = new Map(TYPES.map((type) => [type, new EventForm(DATA[type])]));

/** An event as it is asked for, for those who read the description. */
export const EVENT_SCHEMA: JsonSchema = wireSchema(
  z.union(TYPES.map((type) => z.object({ type: z.literal(type), data: DATA[type], eventId: EVENT_ID }))),
);

/** Throws `invalid_payload` with what does not have the form, each with its place: `data.text`. */
export function readEvent(given: unknown): ExternalEvent {
  if (!isObject(given)) throw invalidFields([{ field: 'type', message: 'type must be a field of an object' }]);
  const { type, data = {}, eventId } = given;
  const form = FORMS.get(type);
  if (form === undefined) throw invalidFields([{ field: 'type', message: `type must be one of: ${TYPES.join(', ')}` }]);
  if (!isWritable(data)) throw invalidFields([{ field: 'data', message: 'data is nested too deep' }]);
  const read = form.read(data, eventId);
  if (!read.success) throw invalidFields(read.error.issues.map(failedField));
  // The form that belongs to the type has said that the data does.
  return { type, data: read.data.data, eventId: read.data.eventId ?? null } as unknown as ExternalEvent;
}

function isOptional(field: z.ZodType): boolean {
  return field.safeParse(undefined).success && !field.safeParse(null).success;
}

function failedField({ path, message }: z.core.$ZodIssue): FailedField {
  const field = path.join('.');
  return { field, message: `${field}: ${message}` };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWritable(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}
