import { IsOptional, IsString, Length, ValidateBy } from 'class-validator';

import { ThreadcastError, invalidFields, type FailedField } from '../errors/index.js';
import { Meaning, type RuleContext } from '../schema/index.js';
import type { ExternalEvent } from '../threads/index.js';
import { EVENT_SCHEMA, readEvent } from './event-forms.js';

const MAX_EVENTS = 1_000;
/** So many faults are told; somebody who makes more has one fault in common. */
const MAX_TOLD = 20;

/** A list of events; what each has to be is judged with its place. */
function IsEventList(): PropertyDecorator {
  const schema = { type: 'array', minItems: 1, maxItems: MAX_EVENTS, items: EVENT_SCHEMA } as const;
  return ValidateBy(
    {
      name: 'isEventList',
      validator: {
        validate: (value: unknown) => Array.isArray(value) && value.length > 0 && value.length <= MAX_EVENTS,
        defaultMessage: (args) => `${args?.property ?? 'it'} must be a list of 1 to ${MAX_EVENTS} events`,
      },
    },
    { context: { schema } satisfies RuleContext },
  );
}

export class RunEventsFields {
  @Meaning('Appended in this order: all of them, or none.')
  @IsEventList()
  events!: unknown[];

  @Meaning('Whose run it is, where it is not registered yet.')
  @IsOptional()
  @IsString()
  @Length(1, 64)
  agent?: string | null;
}

/** The events, each with data as its type wants it. Throws `invalid_payload`, which names fields as `events.3.data.text`. */
export function runEvents(given: readonly unknown[]): ExternalEvent[] {
  const failed: FailedField[] = [];
  const events: ExternalEvent[] = [];
  for (const [index, event] of given.entries()) {
    if (failed.length >= MAX_TOLD) break;
    try {
      events.push(readEvent(event));
    } catch (error) {
      const place = `events.${index}`;
      failed.push(
        ...fieldsOf(error).map((at) => ({ field: `${place}.${at.field}`, message: `${place}.${at.message}` })),
      );
    }
  }
  if (failed.length > 0) throw invalidFields(failed.slice(0, MAX_TOLD));
  return events;
}

/** Any other error is thrown on. */
function fieldsOf(error: unknown): readonly FailedField[] {
  if (!(error instanceof ThreadcastError) || error.code !== 'invalid_payload') throw error;
  return error.details?.['fields'] as readonly FailedField[];
}
