import { REDACTED, type SecretKind } from './redaction-rules.js';
import type { SecretNames } from './secret-names.js';

/** `name=`, `name: `, `"name":`, `name := ` and `name => `. Only `api key` and its like have two words in prose. */
const HEAD =
  /(?<![\w.-])((?:(?:api|access|private|secret) )?[\w.-]{2,64})(\\?["'`])?([ \t]{0,4})(=>|:=|=(?!=)|:(?!:|\/\/))([ \t]{0,4})/gi;

const QUOTE = /\\?["'`]/y;
const BARE = /[^\s"'`,;&<>()[\]{}|\\]+/y;

/** The credentials of an Authorization header: one word after the scheme, or for some the rest of the line. */
const AUTHORIZATION =
  /(?:bearer|basic|token|api-?key|negotiate|ntlm)[ \t]{1,4}[^\s"'`\\,;<>[\]]+|(?:digest|oauth|hawk|aws4-hmac-sha256)[ \t]{1,4}[^\r\n]+/iy;

/** `name=value; name=value …`, to the end of the line or of the quotes around it. */
const COOKIE = /[\w.-]{1,64}=(?!\[redacted\])[^\r\n"'`\\]*/y;

const EMPTY = /^(?:true|false|null|undefined|none|nil)$/i;
const COUNT = /^[\d.,_/%]+[kKmM]?$/;
const PLACEHOLDER = /^(?:\$\{?[A-Z_]*\}?|<[A-Za-z_ -]+>|\{\{[A-Za-z_. -]+\}\})$/;
const LONGEST_PLACEHOLDER = 64;
const URL_START = /^[a-z][a-z0-9+.-]{1,20}:\/\//i;
const PROSE = /^[\p{L}_$]+(?:[-/.’][\p{L}_$]+)*[.!?:…]*$/u;
const LONGEST_PROSE = 15;
const LONGEST_PATH = 200;
const SHORTEST_SECRET = 6;

interface Assignment {
  readonly name: string;
  readonly kind: SecretKind;
  /** Written so that it can hardly be a sentence: `name=value`, or a name in quotes. */
  readonly exact: boolean;
}

/** The text with the values of secret names replaced: `password=…`, `"token": "…"`, `Authorization: …`. */
export function redactAssignments(text: string, names: SecretNames): string {
  let out = '';
  let done = 0;
  HEAD.lastIndex = 0;
  for (let head = HEAD.exec(text); head !== null; head = HEAD.exec(text)) {
    const assignment = read(head, text, names);
    if (assignment === null) continue;
    const from = HEAD.lastIndex;
    const [start, end] = valueAt(text, from, assignment);
    if (end > start) {
      out += text.slice(done, start) + REDACTED;
      done = end;
    }
    HEAD.lastIndex = Math.max(from, end);
  }
  return done === 0 ? text : out + text.slice(done);
}

function read(head: RegExpExecArray, text: string, names: SecretNames): Assignment | null {
  const [, found = '', quote, before, sign = '', after] = head;
  // In text that was escaped, the name may stick to the `n` of a line break.
  const name = text[head.index - 1] === '\\' && /^[nrt]/.test(found) ? found.slice(1) : found;
  const kind = names.kindOf(name);
  if (kind === null) return null;
  return { name, kind, exact: quote !== undefined || (sign === '=' && before === '' && after === '') };
}

/** Where the secret begins and ends; twice the same place where there is none. */
function valueAt(text: string, from: number, assignment: Assignment): readonly [number, number] {
  const quote = match(QUOTE, text, from);
  if (quote !== '') {
    const start = from + quote.length;
    const end = closingQuote(text, start, quote);
    return isQuotedSecret(text.slice(start, end)) ? [start, end] : [end, end];
  }
  const header = headerValue(text, from, assignment.kind);
  if (header !== '') return [from, from + header.length];
  const value = match(BARE, text, from);
  return isBareSecret(value, assignment) ? [from, from + value.length] : [from, from];
}

function headerValue(text: string, from: number, kind: SecretKind): string {
  if (kind === 'authorization') return match(AUTHORIZATION, text, from);
  return kind === 'cookie' ? match(COOKIE, text, from) : '';
}

/** The end of the line or of the text where the quotes are not closed. */
function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\n' || character === '\r' || text.startsWith(quote, at)) return at;
    if (character === '\\') at += 1;
  }
  return text.length;
}

function isQuotedSecret(value: string): boolean {
  return value !== REDACTED && !isPlaceholder(value);
}

function isBareSecret(value: string, { name, kind, exact }: Assignment): boolean {
  if (value === '' || EMPTY.test(value) || isPlaceholder(value)) return false;
  if (kind !== 'password' && COUNT.test(value)) return false;
  if (exact) return !repeatsName(value, name);
  if (value.length < SHORTEST_SECRET || URL_START.test(value)) return false;
  if (value.length > LONGEST_PATH) return true;
  return !PROSE.test(value) || (value.length > LONGEST_PROSE && !value.includes('.'));
}

/** `${TOKEN}`, `$TOKEN`, `<your-token>`, `{{ token }}`: where a secret will be, not the secret. */
function isPlaceholder(value: string): boolean {
  return value.length <= LONGEST_PLACEHOLDER && PLACEHOLDER.test(value);
}

/** `login(password=password)`, `token=self.token`: code that hands a variable on. */
function repeatsName(value: string, name: string): boolean {
  const letters = (text: string) => text.replace(/[^A-Za-z]+/g, '').toLowerCase();
  return /^[A-Za-z_.]{1,100}$/.test(value) && letters(value.slice(value.lastIndexOf('.') + 1)) === letters(name);
}

function match(pattern: RegExp, text: string, from: number): string {
  pattern.lastIndex = from;
  return pattern.exec(text)?.[0] ?? '';
}
