import { invalidFields, type FailedField } from '../errors/index.js';

/** Reads the parameters of a query; what does not fit is told all at once by `check`. */
export class Query {
  readonly #failed: FailedField[] = [];

  constructor(private readonly parameters: Readonly<Record<string, unknown>>) {}

  /** Digits alone, at least `least`. Values beyond `cap` count as `cap`. */
  integer(name: string, { least, cap }: { least: number; cap?: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d+$/.test(text) ? Math.min(Number(text), cap ?? Number.POSITIVE_INFINITY) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= least) return value;
    this.refuse(name, `${name} must be a whole number of at least ${least}`);
    return undefined;
  }

  text(name: string, maxCharacters = 1_024): string | undefined {
    const value = this.parameters[name];
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value.length <= maxCharacters) return value;
    this.refuse(name, `${name} must be given once, with at most ${maxCharacters} characters`);
    return undefined;
  }

  oneOf<const Value extends string>(name: string, values: readonly Value[]): Value | undefined {
    const text = this.text(name);
    const value = values.find((candidate) => candidate === text);
    if (text === undefined || value !== undefined) return value;
    this.refuse(name, `${name} must be one of: ${values.join(', ')}`);
    return undefined;
  }

  refuse(field: string, message: string): void {
    this.#failed.push({ field, message });
  }

  /** Throws `invalid_payload` with every parameter that was refused. */
  check(): void {
    if (this.#failed.length > 0) throw invalidFields(this.#failed);
  }
}
