import { StartupError } from '../startup/index.js';
import { limitFaults, RedactionLimits } from './redaction-limits.js';

/** What stands where a secret stood. */
export const REDACTED = '[redacted]';

/**
 * How a field's name tells of its value. `password`: nothing of it may be kept. `token`, `key`, `cookie`,
 * `authorization`: a secret when it is text; a number beside such a name counts something (`maxTokens`).
 */
export const SECRET_KINDS = ['password', 'token', 'key', 'cookie', 'authorization'] as const;
export type SecretKind = (typeof SECRET_KINDS)[number];

/** What is looked for inside text, beside assignments to a secret name. */
export const TEXT_RULES = ['url', 'private_key', 'shape', 'scheme'] as const;
export type TextRule = (typeof TEXT_RULES)[number];

export type RedactionSwitch = SecretKind | TextRule;

/** The rules of an application's own, beside the built-in ones. What each of these means stands in `docs/redaction.md`. */
export interface RedactionRules {
  /** Names of fields that hold secrets, in words as names are read: `iban`, `card number`. The whole value is hidden. */
  readonly names?: readonly string[];
  /** Secrets inside text. Their time has to grow with the text's length and no faster; nothing here sees to that. */
  readonly patterns?: readonly RegExp[];
  readonly limits?: Partial<RedactionLimits>;
  /** Built-in rules that are not used. */
  readonly off?: readonly RedactionSwitch[];
}

export interface CheckedRules extends Required<RedactionRules> {
  readonly limits: RedactionLimits;
}

const MOST_RULES = 1_000;
const LONGEST_NAME = 64;

/** The same rules, found to be usable. Throws a `StartupError` that names every fault. */
export function checkedRules(rules: RedactionRules): CheckedRules {
  const { names = [], patterns = [], limits = {}, off = [] } = rules;
  const faults = [
    ...unknownFields(rules, ['names', 'patterns', 'limits', 'off']).map((field) => `there is no setting ${field}`),
    ...listFaults('names', names, nameFault),
    ...listFaults('patterns', patterns, patternFault),
    ...listFaults('off', off, switchFault),
    ...limitFaults(limits),
  ];
  if (faults.length > 0) throw new StartupError(`The rules of redaction cannot be used: ${faults.join('; ')}.`);
  return { names, patterns, limits: Object.assign(new RedactionLimits(), limits), off };
}

function unknownFields(given: object, known: readonly string[]): string[] {
  return Object.keys(given).filter((field) => !known.includes(field));
}

function listFaults(setting: string, list: unknown, faultOf: (item: unknown) => string | null): string[] {
  if (!Array.isArray(list)) return [`${setting} must be a list`];
  if (list.length > MOST_RULES) return [`${setting} has more than ${MOST_RULES} entries`];
  return list.flatMap((item: unknown, at) => {
    const fault = faultOf(item);
    return fault === null ? [] : [`${setting}[${at}] ${fault}`];
  });
}

function nameFault(name: unknown): string | null {
  if (typeof name !== 'string' || name.length > LONGEST_NAME)
    return `must be text of at most ${LONGEST_NAME} characters`;
  return wordsOf(name).length === 0 ? 'has no letters: names are read in words' : null;
}

function patternFault(pattern: unknown): string | null {
  if (!(pattern instanceof RegExp)) return 'must be a regular expression';
  if (pattern.sticky) return 'must not be sticky (y)';
  if (new RegExp(pattern.source, pattern.flags).test('')) return 'matches the empty text';
  return new RegExp(pattern.source, pattern.flags).test(REDACTED) ? `matches ${REDACTED}, which takes its place` : null;
}

function switchFault(rule: unknown): string | null {
  const known: readonly unknown[] = [...SECRET_KINDS, ...TEXT_RULES];
  return known.includes(rule) ? null : `must be one of ${known.join(', ')}`;
}

/** The words of a name, in small letters. */
export function wordsOf(name: string): readonly string[] {
  return name
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== '');
}
