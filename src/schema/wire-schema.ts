import { z } from 'zod';

import type { JsonSchema } from './json-schema.js';

/**
 * What is sent, as JSON Schema. Parts with an id stand in `$defs`. Fields that are not named may come in time:
 * clients ignore what they do not know.
 */
export function wireSchema(type: z.ZodType): JsonSchema {
  const schema = z.toJSONSchema(type, { override: ({ jsonSchema }) => loosen(jsonSchema) });
  delete schema.$schema;
  return schema as JsonSchema;
}

function loosen(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.additionalProperties === false) delete schema.additionalProperties;
  // How it is held here says nothing to those who receive it.
  delete schema.readOnly;
  // Every whole number is one that JavaScript can count with.
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
}
