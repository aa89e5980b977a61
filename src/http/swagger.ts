import type { ApiQuery } from '@nestjs/swagger';

import type { JsonSchema } from '../schema/index.js';

/** A schema object, as the decorators of `@nestjs/swagger` take it. */
type SchemaObject = NonNullable<Extract<Parameters<typeof ApiQuery>[0], { schema?: unknown }>['schema']>;

/** The same thing in the library's own type, whose lists may be written to. */
export function schemaObject(schema: JsonSchema): SchemaObject {
  return schema as SchemaObject;
}

/** A decorator of a parameter that also describes its method. */
export function describingParameter(parameter: ParameterDecorator, method: MethodDecorator): ParameterDecorator {
  return (target, key, index) => {
    parameter(target, key, index);
    const descriptor = key === undefined ? undefined : Object.getOwnPropertyDescriptor(target, key);
    if (key === undefined || descriptor === undefined) throw new Error('Only parameters of a route can be described.');
    method(target, key, descriptor);
  };
}
