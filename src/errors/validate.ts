import { validateSync, type ValidationError } from 'class-validator';

import { ThreadcastError } from './threadcast-error.js';

/** One field of a request that was refused, and why. Nested ones are named by their path: `events.0.type`. */
export interface FailedField {
  readonly field: string;
  readonly message: string;
}

/** Keys with which JSON could reach an object's prototype. */
const NEVER_COPIED: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/**
 * A request as an instance of its class, with the fields that the class names and no others. Throws
 * `invalid_payload` with `details.fields` when a field does not have the form that its decorators ask.
 */
export function validateDto<T extends object>(type: new () => T, plain: Readonly<Record<string, unknown>>): T {
  const dto = new type();
  for (const [key, value] of Object.entries(plain)) {
    if (!NEVER_COPIED.includes(key)) (dto as Record<string, unknown>)[key] = value;
  }
  const errors = validateSync(dto, { whitelist: true, forbidUnknownValues: false, stopAtFirstError: true });
  if (errors.length === 0) return dto;
  throw invalidFields(errors.flatMap((error) => failedFields(error, '')));
}

/** The refusal of a request for these fields. */
export function invalidFields(fields: readonly FailedField[]): ThreadcastError {
  const message = `The request does not have the form that is asked: ${fields.map((field) => field.message).join('; ')}.`;
  return new ThreadcastError('invalid_payload', { message, details: { fields } });
}

function failedFields(error: ValidationError, parent: string): FailedField[] {
  const field = parent === '' ? error.property : `${parent}.${error.property}`;
  const own = Object.values(error.constraints ?? {}).map((message) => ({ field, message }));
  return [...own, ...(error.children ?? []).flatMap((child) => failedFields(child, field))];
}
