import { invalidFields, type FailedField } from '../errors/index.js';
import type { JsonSchema } from '../schema/index.js';

const MAX_CHARACTERS = 1_024;

/** One parameter of a query: what is read is what is described. */
export interface Parameter<T> {
  readonly schema: JsonSchema;
  /** Gives the value, or what it must be instead. */
  readonly read: (text: string) => { readonly value: T } | { readonly must: string };
  readonly required?: true;
}

/** A parameter that has to be given. */
export type Needed<T> = Parameter<T> & { readonly required: true };

export type Parameters = Readonly<Record<string, Parameter<unknown>>>;

/** The values of parameters; those that need not be given may not be there. */
export type Values<P extends Parameters> = {
  -readonly [Name in keyof P as P[Name] extends Needed<unknown> ? never : Name]?: ValueOf<P[Name]>;
} & {
  -readonly [Name in keyof P as P[Name] extends Needed<unknown> ? Name : never]: ValueOf<P[Name]>;
};

type ValueOf<P> = P extends Parameter<infer T> ? T : never;

export function needed<T>(parameter: Parameter<T>): Needed<T> {
  return { ...parameter, required: true };
}

/** Digits alone, at least `least`. Values beyond `cap` count as `cap`; `otherwise` says what holds when it is not given. */
export function wholeNumber(
  description: string,
  { least, cap, otherwise }: { least: number; cap?: number; otherwise?: number },
): Parameter<number> {
  const must = `be a whole number of at least ${least}`;
  return {
    schema: {
      type: 'integer',
      minimum: least,
      ...(otherwise !== undefined && { default: otherwise }),
      description: cap === undefined ? description : `${description} Larger counts as ${cap}.`,
    },
    read: (text) => {
      const value = /^\d+$/.test(text) ? Math.min(Number(text), cap ?? Number.POSITIVE_INFINITY) : Number.NaN;
      return Number.isSafeInteger(value) && value >= least ? { value } : { must };
    },
  };
}

export function text(description: string): Parameter<string> {
  return { schema: { type: 'string', maxLength: MAX_CHARACTERS, description }, read: (value) => ({ value }) };
}

export function oneOf<const Value extends string>(description: string, values: readonly Value[]): Parameter<Value> {
  return {
    schema: { type: 'string', enum: values, description },
    read: (given) => {
      const value = values.find((candidate) => candidate === given);
      return value === undefined ? { must: `be one of: ${values.join(', ')}` } : { value };
    },
  };
}

/** Reads these parameters and no others. Throws `invalid_payload` with every one that does not fit. */
export function readQuery<const P extends Parameters>(
  parameters: P,
  given: Readonly<Record<string, unknown>>,
): Values<P> {
  const failed: FailedField[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { read, required = false }] of Object.entries(parameters)) {
    const { [name]: value } = given;
    if (value === undefined) {
      if (required) failed.push({ field: name, message: `${name} must be given` });
      continue;
    }
    const outcome =
      typeof value === 'string' && value.length <= MAX_CHARACTERS
        ? read(value)
        : { must: `be given once, with at most ${MAX_CHARACTERS} characters` };
    if ('value' in outcome) values[name] = outcome.value;
    else failed.push({ field: name, message: `${name} must ${outcome.must}` });
  }
  if (failed.length > 0) throw invalidFields(failed);
  return values as Values<P>;
}
