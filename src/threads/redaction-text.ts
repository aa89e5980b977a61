import { redactAssignments } from './redaction-assignments.js';
import { REDACTED, type RedactionRules, type TextRule } from './redaction-rules.js';
import { SecretNames } from './secret-names.js';

/*
 * The patterns of secrets inside text. A hostile agent chooses the text, so each pattern takes time linear in its
 * length: what is repeated never overlaps what follows it, and no two starts walk over the same characters (hence
 * the look behind each).
 */

/** Too short for a name, a separator and a value. */
const SHORTEST = 5;

/** Longer texts are read in pieces of this length: a single word of many millions would exhaust the matcher's stack. */
const LONGEST_PIECE = 1_048_576;

/** Some trace that at least one rule needs; most texts have none and are done. */
const HINT =
  /pass|pwd|secret|token|key|authori[sz]|cookie|cred|:\/\/|bearer|basic|-----BEGIN|eyJ|[srp]k[-_]|A[KS]IA|gh[pousr]_|github_pat_|glpat-|xox|xapp-|AIza|npm_|hf_/i;

/** Not ended, the block is taken to reach to the end of the text. */
const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g;

/** The last `@` before the host ends is the one that counts: passwords may hold others. */
const URL_USER = /:\/\/([^\s/?#"'<>`\\]+)@/g;

/** A user's name alone may stay (`ssh://git@host`); what is as long as this is a token. */
const LONGEST_URL_USER = 19;

const KEY_SHAPES = new RegExp(
  [
    // OpenAI and its kin. A digit is asked for, for the sake of names such as sk-learn-extensions.
    '(?<![\\w-])sk-(?:(?=[\\w-]{0,99}\\d)[\\w-]{8,}|(?:(?:proj|ant|or|live|test|svcacct)-)?[A-Za-z0-9]{16,}[\\w-]*)',
    '(?<![\\w-])[sr]k_(?:live|test)_[A-Za-z0-9]{8,}',
    '(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{12,}',
    '(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{16,}',
    '(?<![A-Za-z0-9])github_pat_\\w{16,}',
    '(?<![A-Za-z0-9])glpat-[\\w-]{16,}',
    '(?<![A-Za-z0-9])(?:xox[a-z]|xapp)-[\\w-]{8,}',
    '(?<![A-Za-z0-9])AIza[\\w-]{20,}',
    '(?<![A-Za-z0-9])(?:npm|hf)_[A-Za-z0-9]{30,}',
    // A JSON Web Token, signed (three parts) or encrypted (five).
    '(?<![\\w-])eyJ[\\w-]{5,}\\.[\\w-]{2,}\\.[\\w-]*(?:\\.[\\w-]+){0,2}',
  ].join('|'),
  'g',
);

const SCHEME = /(?<![\w-])(bearer|basic)([ \t]{1,4})([\w~+/.-]+={0,2})/gi;
const PLAIN_WORD = /^[a-z]+(?:[-/][a-z]+)*$/i;
const LONGEST_PLAIN_WORD = 15;
const FIRST_PRINTABLE = 0x20;

/** Takes secrets out of text. Its time is linear in the text's length, as far as the patterns given to it are. */
export class SecretText {
  readonly #hint: RegExp;
  readonly #patterns: readonly RegExp[];
  readonly #off: ReadonlySet<string>;

  constructor(
    private readonly names: SecretNames,
    { patterns = [], off = [] }: Pick<RedactionRules, 'patterns' | 'off'> = {},
  ) {
    const hints = names.hints.map((word) => `|${word}`).join('');
    this.#hint = new RegExp(HINT.source + hints, 'iu');
    this.#patterns = patterns.map(({ source, flags }) => new RegExp(source, flags.includes('g') ? flags : `${flags}g`));
    this.#off = new Set(off);
  }

  /** The text without the secrets that the rules find; the same string when there are none. */
  redact(text: string): string {
    if (text.length < SHORTEST && this.#patterns.length === 0) return text;
    if (text.length <= LONGEST_PIECE) return this.#piece(text);
    let out = '';
    for (let at = 0; at < text.length; at += LONGEST_PIECE) out += this.#piece(text.slice(at, at + LONGEST_PIECE));
    return out;
  }

  #piece(text: string): string {
    const known = this.#hint.test(text) ? this.#known(text) : text;
    return this.#patterns.reduce((left, pattern) => left.replace(pattern, marked), known);
  }

  #known(text: string): string {
    let left = text;
    if (this.#uses('private_key')) left = left.replace(PRIVATE_KEY, REDACTED);
    if (this.#uses('url')) left = left.replace(URL_USER, withoutUser);
    left = redactAssignments(left, this.names);
    if (this.#uses('shape')) left = left.replace(KEY_SHAPES, REDACTED);
    return this.#uses('scheme') ? left.replace(SCHEME, withoutCredentials) : left;
  }

  #uses(rule: TextRule): boolean {
    return !this.#off.has(rule);
  }
}

const BUILT_IN = new SecretText(new SecretNames());

/** The text without what the built-in rules find. */
export function redactSecrets(text: string): string {
  return BUILT_IN.redact(text);
}

/** A pattern that only looks ahead finds nothing that could be replaced. */
function marked(found: string): string {
  return found === '' ? '' : REDACTED;
}

function withoutUser(found: string, user: string): string {
  return user.includes(':') || user.length > LONGEST_URL_USER ? `://${REDACTED}@` : found;
}

function withoutCredentials(found: string, scheme: string, space: string, value: string): string {
  let end = value.length;
  while (value[end - 1] === '.') end -= 1;
  const word = value.slice(0, end);
  const secret = scheme.toLowerCase() === 'basic' ? isBasicCredential(word) : isBearerToken(word);
  return secret ? `${scheme}${space}${REDACTED}${value.slice(end)}` : found;
}

/** `user:password` in base64. An ordinary word after "basic" does not decode to that. */
function isBasicCredential(value: string): boolean {
  if (value.length < 4 || value.includes('.')) return false;
  const decoded = Buffer.from(value, 'base64');
  return decoded.includes(':') && decoded.every((byte) => byte >= FIRST_PRINTABLE);
}

/** "bearer bonds" and "bearer token/secret" are prose; a digit, a capital inside, a dot or great length is not. */
function isBearerToken(value: string): boolean {
  if (value.length < 6) return false;
  return value.length > LONGEST_PLAIN_WORD || !PLAIN_WORD.test(value) || /[a-z][A-Z]/.test(value);
}
