import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import type { Request } from 'express';

import { readQuery, type Parameters } from './query.js';
import { describingParameter, schemaObject } from './swagger.js';

/** The query's values of these parameters, read and validated, and described. Throws `invalid_payload`. */
export function Query(parameters: Parameters): ParameterDecorator {
  return describingParameter(QueryValues(parameters), TakesQuery(parameters));
}

/** Describes the parameters of a route that reads them itself. */
export function TakesQuery(parameters: Parameters): MethodDecorator {
  return (target, key, descriptor) => {
    for (const [name, { schema, required = false }] of Object.entries(parameters)) {
      const { description = '', ...bounds } = schema;
      ApiQuery({ name, required, description, schema: schemaObject(bounds) })(target, key, descriptor);
    }
  };
}

const QueryValues = createParamDecorator((parameters: Parameters, context: ExecutionContext) =>
  readQuery(parameters, context.switchToHttp().getRequest<Request>().query),
);
