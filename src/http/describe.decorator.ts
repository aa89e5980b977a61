import { applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiOperation, ApiResponse, type ApiResponseOptions } from '@nestjs/swagger';
import type { z } from 'zod';

import type { ErrorCode } from '../errors/index.js';
import { wireSchema, type JsonSchema } from '../schema/index.js';
import { schemaObject } from './swagger.js';

/** What a route answers when it refuses nothing. */
export interface DescribedAnswer<T> {
  readonly says: string;
  /** The form of its JSON; none: it has no body, or only what `others` says. */
  readonly json?: z.ZodType<T>;
  /** Bodies of other media types. */
  readonly others?: Readonly<Record<string, JsonSchema>>;
}

export interface RouteDescription<T> {
  /** One sentence. */
  readonly does: string;
  /** What there is more to say, in Markdown. */
  readonly details?: string;
  /** By HTTP status. */
  readonly answers: Readonly<Record<number, DescribedAnswer<T>>>;
  /**
   * Codes beside those that follow from the route itself: from its token, its body, its path and query, and what can
   * happen to every request.
   */
  readonly refuses?: readonly ErrorCode[];
}

type RouteDecorator<T> = <Method extends (...args: never[]) => T | Promise<T>>(
  target: object,
  key: string,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** Under which word an operation of the OpenAPI document names the codes with which it refuses. */
export const ERROR_CODES_EXTENSION = 'x-error-codes';

/**
 * Describes a route for the API reference. Every route has it: a test compares. That the handler returns what is
 * described is checked by the compiler.
 */
export function Describe<T>({ does, details, answers, refuses = [] }: RouteDescription<T>): RouteDecorator<T> {
  return applyDecorators(
    ApiOperation({ summary: does, ...(details !== undefined && { description: details }) }),
    ApiExtension(ERROR_CODES_EXTENSION, refuses),
    ...Object.entries(answers).map(([status, answer]) => ApiResponse(responseOf(Number(status), answer))),
  );
}

function responseOf(status: number, { says, json, others = {} }: DescribedAnswer<unknown>): ApiResponseOptions {
  const schemas = { ...(json !== undefined && { 'application/json': wireSchema(json) }), ...others };
  const bodies = Object.entries(schemas).map(([type, schema]) => [type, { schema: schemaObject(schema) }] as const);
  return { status, description: says, ...(bodies.length > 0 && { content: Object.fromEntries(bodies) }) };
}
