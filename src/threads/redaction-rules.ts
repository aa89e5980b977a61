/** What stands where a secret stood. */
export const REDACTED = '[redacted]';

/**
 * How a field's name tells of its value. `password`: nothing of it may be kept. `token`, `key`, `cookie`,
 * `authorization`: a secret when it is text; a number beside such a name counts something (`maxTokens`).
 */
export type SecretKind = 'password' | 'token' | 'key' | 'cookie' | 'authorization';

const WORDS: ReadonlyMap<string, SecretKind> = new Map([
  ...words('password', 'password', 'passwords', 'passwd', 'pwd', 'passphrase', 'passphrases', 'secret', 'secrets'),
  ...words('token', 'token', 'tokens', 'credential', 'credentials', 'creds'),
  ...words('key', 'apikey', 'apikeys', 'accesskey', 'accesskeys', 'privatekey', 'privatekeys'),
  ...words('password', 'secretkey', 'secretkeys'),
  ...words('cookie', 'cookie', 'cookies'),
  ...words('authorization', 'authorization'),
]);

const BEFORE_KEY: ReadonlySet<string> = new Set(['api', 'access', 'private']);
const MAX_REMEMBERED = 4_096;
const MAX_REMEMBERED_LENGTH = 64;

const remembered = new Map<string, SecretKind | null>();

/**
 * The kind of secret that a name stands for, or null. Read in whole words: camelCase, snake_case, kebab-case, dots,
 * spaces and digits part them, so that `keyboard`, `monkey`, `author` and `tokenizer` are no secrets.
 */
export function secretKindOf(name: string): SecretKind | null {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const kind = judge(name);
  if (name.length <= MAX_REMEMBERED_LENGTH) {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(name, kind);
  }
  return kind;
}

function judge(name: string): SecretKind | null {
  // Read as it is too, for the sake of `passWord` and `APIkey`.
  return kindOfWords(split(name)) ?? kindOfWords(split(partCamelCase(name)));
}

function kindOfWords(found: readonly string[]): SecretKind | null {
  let kind: SecretKind | null = null;
  for (const [at, word] of found.entries()) {
    const next = found[at + 1];
    const isKey = BEFORE_KEY.has(word) && (next === 'key' || next === 'keys');
    const own = isKey ? 'key' : (WORDS.get(word) ?? null);
    if (own === 'password') return own;
    kind ??= own;
  }
  return kind;
}

function partCamelCase(name: string): string {
  return name.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2');
}

function split(name: string): readonly string[] {
  return name.toLowerCase().split(/[^\p{L}]+/u);
}

function words(kind: SecretKind, ...all: string[]): [string, SecretKind][] {
  return all.map((word) => [word, kind]);
}
