import { wordsOf, type RedactionSwitch, type SecretKind } from './redaction-rules.js';

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

/** Knows secrets by the name of their field. */
export class SecretNames {
  readonly #own: readonly (readonly string[])[];
  readonly #off: ReadonlySet<string>;
  readonly #remembered = new Map<string, SecretKind | null>();

  /** `own`: names beside the known ones. `off`: kinds of known ones that are none here. */
  constructor(own: readonly string[] = [], off: readonly RedactionSwitch[] = []) {
    this.#own = own.flatMap((name) => [wordsOf(name), wordsOf(partCamelCase(name))]);
    this.#off = new Set(off);
  }

  /** One word of each name of its own: a text with none of them has no such name. */
  get hints(): readonly string[] {
    return this.#own.flatMap(([first]) => first ?? []);
  }

  /**
   * The kind of secret that a name stands for, or null. Read in whole words: camelCase, snake_case, kebab-case, dots,
   * spaces and digits part them, so that `keyboard`, `monkey`, `author` and `tokenizer` are no secrets.
   */
  kindOf(name: string): SecretKind | null {
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const kind = this.#judge(name);
    if (name.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(name, kind);
    }
    return kind;
  }

  #judge(name: string): SecretKind | null {
    // Read as it is too, for the sake of `passWord` and `APIkey`.
    return this.#kindOfWords(wordsOf(name)) ?? this.#kindOfWords(wordsOf(partCamelCase(name)));
  }

  #kindOfWords(found: readonly string[]): SecretKind | null {
    if (this.#own.some((own) => contains(found, own))) return 'password';
    let kind: SecretKind | null = null;
    for (const [at, word] of found.entries()) {
      const next = found[at + 1];
      const isKey = BEFORE_KEY.has(word) && (next === 'key' || next === 'keys');
      const here = isKey ? 'key' : (WORDS.get(word) ?? null);
      if (here === null || this.#off.has(here)) continue;
      if (here === 'password') return here;
      kind ??= here;
    }
    return kind;
  }
}

/** `part` is in `all`, side by side. */
function contains(all: readonly string[], part: readonly string[]): boolean {
  return all.some((_, at) => part.every((word, offset) => all[at + offset] === word));
}

function partCamelCase(name: string): string {
  return name.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2');
}

function words(kind: SecretKind, ...all: string[]): [string, SecretKind][] {
  return all.map((word) => [word, kind]);
}
