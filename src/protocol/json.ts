import { z } from 'zod';

/** What JSON can say. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** What was read from JSON, or is written as it, is JSON: looking at all of it again would show nothing. */
export const JSON_VALUE = z.unknown() as z.ZodType<JsonValue>;
export const JSON_OBJECT = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;
