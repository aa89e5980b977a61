import { getMetadataStorage, IS_OPTIONAL } from 'class-validator';

import type { JsonSchema, JsonType } from './json-schema.js';
import { meaningOf } from './meaning.js';

/** What a rule of one's own, made with `ValidateBy`, gives as its `context`. `hidden` fields are not described. */
export interface RuleContext {
  readonly schema: JsonSchema | 'hidden';
}

interface Rule {
  readonly type: string;
  readonly name?: string;
  readonly propertyName: string;
  readonly constraints?: readonly unknown[];
  readonly each: boolean;
  readonly context?: Partial<RuleContext>;
}

/** What the rules of class-validator say, in JSON Schema. */
const SCHEMAS: Readonly<Record<string, (constraints: readonly unknown[]) => JsonSchema>> = {
  isString: () => ({ type: 'string' }),
  isBoolean: () => ({ type: 'boolean' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: () => ({ type: 'number' }),
  isObject: () => ({ type: 'object' }),
  isArray: () => ({ type: 'array' }),
  isIn: ([values]) => ({ type: 'string', enum: values as readonly string[] }),
  isLength: ([least, most]) => ({ minLength: least as number, maxLength: most as number }),
  minLength: ([least]) => ({ minLength: least as number }),
  maxLength: ([most]) => ({ maxLength: most as number }),
  min: ([least]) => ({ minimum: least as number }),
  max: ([most]) => (most === Number.MAX_SAFE_INTEGER ? {} : { maximum: most as number }),
  arrayMinSize: ([least]) => ({ minItems: least as number }),
  arrayMaxSize: ([most]) => ({ maxItems: most as number }),
};

const NO_RULE = ['whitelistValidation', 'conditionalValidation'];

/**
 * The form of a request as JSON Schema, from the decorators that it is validated by, and from those alone: what is
 * described is what is checked. Throws where a rule is not known here and brings no schema of its own.
 */
export function formSchema(type: new () => object): JsonSchema {
  const rules: Rule[] = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  const names = [...new Set(rules.map(({ propertyName }) => propertyName))];
  const fields = names.map((name) => ({
    name,
    rules: rules.filter(({ propertyName }) => propertyName === name),
  }));
  const shown = fields.filter((field) => !field.rules.some(({ context }) => context?.schema === 'hidden'));
  const required = shown.filter((field) => !field.rules.some(isConditional)).map(({ name }) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(shown.map((field) => [field.name, fieldSchema(type, field.name, field.rules)])),
    ...(required.length > 0 && { required }),
  };
}

function fieldSchema(type: new () => object, name: string, rules: readonly Rule[]): JsonSchema {
  const own = rules.filter((rule) => !rule.each).map((rule) => ruleSchema(type, rule));
  const each = rules.filter((rule) => rule.each).map((rule) => ruleSchema(type, rule));
  const texts = [meaningOf(type, name), ...own.map(({ description }) => description)];
  const description = texts.filter((text) => text !== undefined).join(' ');
  const schema: JsonSchema = {
    ...merged(own),
    ...(each.length > 0 && { items: merged(each) }),
    ...(description !== '' && { description }),
  };
  return rules.some(({ name: rule }) => rule === IS_OPTIONAL) ? orNull(schema) : schema;
}

function ruleSchema(
  type: new () => object,
  { type: kind, name, propertyName, constraints, context }: Rule,
): JsonSchema {
  if (context?.schema !== undefined && context.schema !== 'hidden') return context.schema;
  if (NO_RULE.includes(kind)) return {};
  const schemaOf = name === undefined ? undefined : SCHEMAS[name];
  if (schemaOf !== undefined) return schemaOf(constraints ?? []);
  throw new Error(
    `The rule '${name ?? kind}' of ${type.name}.${propertyName} has no JSON Schema: give it one as ` +
      '`context: { schema }`, or add it to src/schema/form-schema.ts.',
  );
}

function merged(schemas: readonly JsonSchema[]): JsonSchema {
  return Object.assign({}, ...schemas) as JsonSchema;
}

/** An optional field may also be null; what has no type may be anything already. */
function orNull(schema: JsonSchema): JsonSchema {
  if (schema.type === undefined) return schema;
  const types = typeof schema.type === 'string' ? [schema.type] : schema.type;
  const withNull: JsonType[] = types.includes('null') ? [...types] : [...types, 'null'];
  return { ...schema, type: withNull, ...(schema.enum !== undefined && { enum: [...schema.enum, null] }) };
}

function isConditional({ type }: Rule): boolean {
  return type === 'conditionalValidation';
}
