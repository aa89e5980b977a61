import { ValidateBy, type ValidationOptions } from 'class-validator';

/** The field is a JSON object, of at most so many bytes as text. */
export function IsJsonObject(maxBytes = Number.MAX_SAFE_INTEGER, options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isJsonObject',
      constraints: [maxBytes],
      validator: {
        validate: (value: unknown) => isObject(value) && fits(value, maxBytes),
        defaultMessage: (args) => `${args?.property ?? 'it'} must be a JSON object${ofAtMost(maxBytes)}`,
      },
    },
    { context: { schema: { type: 'object', ...bound(maxBytes) } }, ...options },
  );
}

/** The field is anything that JSON can say, of at most so many bytes as text. */
export function IsJsonValue(maxBytes = Number.MAX_SAFE_INTEGER, options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isJsonValue',
      constraints: [maxBytes],
      validator: {
        validate: (value: unknown) => value !== undefined && fits(value, maxBytes),
        defaultMessage: (args) => `${args?.property ?? 'it'} must be a JSON value${ofAtMost(maxBytes)}`,
      },
    },
    { context: { schema: bound(maxBytes) }, ...options },
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** False also for what can be read but is nested too deep to be written again. */
function fits(value: unknown, maxBytes: number): boolean {
  try {
    return Buffer.byteLength(JSON.stringify(value)) <= maxBytes;
  } catch {
    return false;
  }
}

function ofAtMost(maxBytes: number): string {
  return maxBytes === Number.MAX_SAFE_INTEGER ? '' : ` of at most ${maxBytes} bytes`;
}

/** JSON Schema has no word for it. */
function bound(maxBytes: number): { description?: string } {
  return maxBytes === Number.MAX_SAFE_INTEGER ? {} : { description: `JSON${ofAtMost(maxBytes)}.` };
}
