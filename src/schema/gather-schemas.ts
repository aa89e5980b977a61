import { isDeepStrictEqual } from 'node:util';

import type { JsonSchema } from './json-schema.js';

const WITHIN = '#/$defs/';
const GATHERED = '#/components/schemas/';

/**
 * A copy of a document in which named schemas stand once, in `components.schemas`, and are referred to there. Throws
 * when two different schemas have one name.
 */
export function gatherSchemas<T extends object>(document: T): T {
  const schemas: Record<string, unknown> = {};
  const copied = copy(document, (name, schema) => {
    if (schemas[name] !== undefined && !isDeepStrictEqual(schemas[name], schema)) {
      throw new Error(`Two different schemas are named '${name}'.`);
    }
    schemas[name] = schema;
  }) as T & { readonly components?: { readonly schemas?: Readonly<Record<string, JsonSchema>> } };
  const { components } = copied;
  const inOrder = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { ...copied, components: { ...components, schemas: { ...components?.schemas, ...inOrder } } };
}

function copy(value: unknown, found: (name: string, schema: unknown) => void): unknown {
  if (Array.isArray(value)) return value.map((item) => copy(item, found));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    if (key === '$ref' && typeof inner === 'string') return [[key, inner.replace(WITHIN, GATHERED)]];
    if (key !== '$defs') return [[key, copy(inner, found)]];
    for (const [name, schema] of Object.entries(inner as object)) found(name, copy(schema, found));
    return [];
  });
  return Object.fromEntries(entries);
}
