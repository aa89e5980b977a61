import { createParamDecorator, type ExecutionContext, type Type } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import type { Request } from 'express';

import { invalidFields, ThreadcastError, validateDto } from '../errors/index.js';
import { normaliseIds } from '../protocol/index.js';
import { formSchema } from '../schema/index.js';
import { describingParameter, schemaObject } from './swagger.js';

/** The body of the request as an instance of this class, validated, and described. Throws `invalid_payload`. */
export function Fields(type: Type<object>): ParameterDecorator {
  return describingParameter(BodyFields(type), TakesFields(type));
}

/** Describes the body of a route that reads it itself, by `requestFields`. */
export function TakesFields(type: Type<object>): MethodDecorator {
  const schema = formSchema(type);
  return ApiBody({ required: schema.required !== undefined, schema: schemaObject(schema) });
}

const BodyFields = createParamDecorator((type: Type<object>, context: ExecutionContext) =>
  requestFields(type, context.switchToHttp().getRequest<Request>()),
);

/** No body is as an empty object. Ids may be spelled in both ways, and have to agree with those in the path. */
export function requestFields<T extends object>(type: Type<T>, req: Request): T {
  if (req.headers['content-length'] !== '0' && req.is('application/json') === false) {
    throw new ThreadcastError('invalid_payload', { message: 'The body must be JSON, with its Content-Type.' });
  }
  const body: unknown = req.body ?? {};
  if (typeof body !== 'object' || Array.isArray(body)) {
    throw new ThreadcastError('invalid_payload', { message: 'The body must be a JSON object.' });
  }
  const fields = normaliseIds(body as Record<string, unknown>);
  for (const name of ['threadId', 'runId']) {
    const { [name]: inPath } = req.params;
    const { [name]: inBody } = fields;
    if (inPath !== undefined && inBody !== undefined && inPath !== inBody) {
      throw invalidFields([{ field: name, message: `${name} is not the one in the path` }]);
    }
  }
  return validateDto(type, fields);
}
