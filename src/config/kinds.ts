import { isIP } from 'node:net';
import { resolve } from 'node:path';

export type Reading<T> = { readonly value: T } | { readonly fault: string };

/** How a variable's text is read. */
export interface Kind<T> {
  /** What is accepted, to end the sentence "accepted: …". */
  readonly accepted: string;
  /** Its text is never shown, also not in a refusal. */
  readonly secret: boolean;
  /** `text` is never empty. */
  read(text: string): Reading<T>;
}

/** Beyond this a timer of Node fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** Four times this is still a string that Node can hold. */
const MAX_BYTES = 100 * 1024 * 1024;

export function integer(min: number, max: number): Kind<number> {
  return {
    accepted: `a whole number from ${min} to ${max}, in decimal digits`,
    secret: false,
    read(text) {
      if (!/^(?:0|[1-9]\d{0,15})$/.test(text)) return { fault: 'is not a whole number' };
      const value = Number(text);
      if (value < min) return { fault: `is below ${min}` };
      return value > max ? { fault: `is above ${max}` } : { value };
    },
  };
}

export function milliseconds(min = 1): Kind<number> {
  return integer(min, MAX_TIMER_MS);
}

export function bytes(): Kind<number> {
  return integer(1, MAX_BYTES);
}

export function count(min = 1): Kind<number> {
  return integer(min, 1_000_000_000);
}

export function text(maxCharacters = 1024): Kind<string> {
  return {
    accepted: `text of at most ${maxCharacters} characters`,
    secret: false,
    read: (value) =>
      value.length > maxCharacters ? { fault: `is longer than ${maxCharacters} characters` } : { value },
  };
}

export function secret(): Kind<string> {
  return { ...text(16_384), secret: true };
}

/** A secret that is sent in a header. */
export function headerSecret(): Kind<string> {
  return {
    accepted: 'visible ASCII characters without blanks',
    secret: true,
    read: (value) =>
      /^[\x21-\x7e]{1,16384}$/.test(value) ? { value } : { fault: 'has characters that a header cannot carry' },
  };
}

/** A name that may stand in keys and channels. */
export function name(): Kind<string> {
  return {
    accepted: '1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first',
    secret: false,
    read: (value) =>
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)
        ? { value }
        : { fault: 'has characters or a length not accepted' },
  };
}

/** Absolute, from the working directory. */
export function directory(): Kind<string> {
  return {
    accepted: 'the path of a directory',
    secret: false,
    read: (value) => (value.includes('\0') ? { fault: 'contains a zero byte' } : { value: resolve(value) }),
  };
}

export function host(): Kind<string> {
  return {
    accepted: 'an IP address without brackets, or a host name',
    secret: false,
    read(value) {
      const isName = value.length <= 253 && /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(value);
      const looksLikeIPv4 = /^[\d.]+$/.test(value);
      if (isIP(value) !== 0 || (isName && !looksLikeIPv4)) return { value };
      return { fault: 'is neither an address nor a name' };
    },
  };
}

/** The URL of a service that is fetched from; credentials in it could not be sent. */
export function httpUrl(options: { readonly secret?: boolean } = {}): Kind<string> {
  return {
    accepted: 'a URL that begins with https:// or http://, without credentials',
    secret: options.secret ?? false,
    read(value) {
      const reading = readUrl(value, ['https:', 'http:']);
      return 'value' in reading && /^[^/]*\/\/[^/?#]*@/.test(value) ? { fault: 'carries credentials' } : reading;
    },
  };
}

/** The URL of a database or the like. It may carry credentials, so it is secret as a whole. */
export function serverUrl(...protocols: readonly string[]): Kind<string> {
  return {
    accepted: `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    secret: true,
    read: (value) => readUrl(value, protocols),
  };
}

/** Origins as browsers send them; `['*']` for any. */
export function origins(): Kind<readonly string[]> {
  return {
    accepted: '* alone, or origins such as https://app.example.com separated by commas',
    secret: false,
    read(value) {
      const parts = value.split(',').map((part) => part.trim());
      if (parts.length === 1 && parts[0] === '*') return { value: ['*'] };
      const bad = parts.find((part) => originOf(part) === null);
      if (bad !== undefined) return { fault: `has ${JSON.stringify(bad.slice(0, 100))}, which is not an origin` };
      return { value: [...new Set(parts.map((part) => originOf(part) ?? part))] };
    },
  };
}

export function oneOf<const Choice extends string>(...choices: readonly Choice[]): Kind<Choice> {
  return {
    accepted: choices.join(', '),
    secret: false,
    read(value) {
      const choice = choices.find((other) => other === value);
      return choice === undefined ? { fault: 'is none of them' } : { value: choice };
    },
  };
}

export function flag(): Kind<boolean> {
  const words = oneOf('true', 'false');
  return {
    accepted: words.accepted,
    secret: false,
    read(value) {
      const reading = words.read(value);
      return 'fault' in reading ? reading : { value: reading.value === 'true' };
    },
  };
}

/** Its faults tell nothing of the value, which may be secret. */
function readUrl(value: string, protocols: readonly string[]): Reading<string> {
  if (!URL.canParse(value)) return { fault: 'is not a URL' };
  const { protocol, host: server } = new URL(value);
  if (!protocols.includes(protocol)) return { fault: 'is a URL of another protocol' };
  return server === '' ? { fault: 'names no host' } : { value };
}

function originOf(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, origin, href } = new URL(text);
  return /^https?:$/.test(protocol) && href === `${origin}/` ? origin : null;
}
