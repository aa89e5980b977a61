import { types } from 'node:util';

import type { RedactionLimits } from './redaction-limits.js';
import { REDACTED, type SecretKind } from './redaction-rules.js';
import type { SecretText } from './redaction-text.js';
import type { SecretNames } from './secret-names.js';

/** What was done to a value: secrets by name, secrets in text, cuts, and what JSON cannot say. */
export type RedactionKind = 'key' | 'text' | 'cut' | 'replaced';

type RedactionCounts = Record<RedactionKind, number>;

const CIRCULAR = '[circular]';
const UNREADABLE = '[unreadable]';
const TOO_DEEP = '[cut: too deep]';

/** Room for the mark of a cut inside the bound, so that what was cut is not cut again. */
const MARK_LENGTH = 64;

/** Looked at beyond a cut, so that a secret which the cut would part is seen whole. */
const LOOK_AHEAD = 8_192;

const SCHEMA_TYPES = new Set<unknown>(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);

/** One pass over one value: makes a copy that is JSON and holds no secret by the rules. Used once. */
export class RedactionWalk {
  readonly counts: RedactionCounts = { key: 0, text: 0, cut: 0, replaced: 0 };
  readonly #path = new Set<object>();
  #nodes = 0;
  #length = 0;
  #strings = 0;

  constructor(
    private readonly limits: RedactionLimits,
    private readonly names: SecretNames,
    private readonly text: SecretText,
  ) {}

  /** Never throws. `undefined` for what JSON leaves out: functions, symbols and `undefined` itself. */
  copy(value: unknown, name = '', depth = 0): unknown {
    switch (typeof value) {
      case 'string':
        return this.#asText(value);
      case 'number':
        return Number.isFinite(value) ? value : null;
      case 'boolean':
        return value;
      case 'bigint':
        return this.#asText(value.toString());
      case 'object':
        return value === null ? null : this.#guarded(() => this.#object(value, name, depth));
      default:
        return undefined;
    }
  }

  #object(source: object, name: string, depth: number): unknown {
    if (this.#path.has(source)) return this.#mark('replaced', CIRCULAR);
    if (depth >= this.limits.maxDepth) return this.#mark('cut', TOO_DEEP);
    this.#path.add(source);
    try {
      const plain = asJson(source, name);
      return typeof plain === 'object' && plain !== null
        ? this.#container(plain, name, depth)
        : this.copy(plain, name, depth);
    } finally {
      this.#path.delete(source);
    }
  }

  #container(source: object, name: string, depth: number): unknown {
    if (types.isDate(source)) return Number.isNaN(source.getTime()) ? null : this.#asText(source.toISOString());
    if (types.isAnyArrayBuffer(source) || ArrayBuffer.isView(source)) {
      return this.#mark('replaced', `[binary: ${source.byteLength} bytes]`);
    }
    if (types.isBoxedPrimitive(source)) return this.copy(source.valueOf(), name, depth);
    if (Array.isArray(source)) return this.#list(source, depth);
    if (types.isSet(source)) return this.#list([...source], depth);
    if (types.isMap(source)) {
      const entries = new Map([...source].map(([key, value]) => [nameOf(key), value]));
      return this.#record([...entries.keys()], (key) => entries.get(key), name, depth);
    }
    const error = types.isNativeError(source) ? ['name', 'message'] : [];
    const keys = new Set([...error, ...Object.keys(source)]);
    return this.#record([...keys], (key) => Reflect.get(source, key) as unknown, name, depth);
  }

  #list(source: readonly unknown[], depth: number): unknown[] {
    const copied: unknown[] = [];
    const { length } = source;
    for (let at = 0; at < length; at += 1) {
      if (this.#isSpent()) {
        copied.push(this.#mark('cut', `[cut: ${length - at} more]`));
        break;
      }
      const item = this.#guarded(() => this.copy(source[at], String(at), depth + 1));
      copied.push(item === undefined ? null : item);
    }
    return copied;
  }

  #record(keys: readonly string[], read: (key: string) => unknown, parent: string, depth: number): object {
    const copied: Record<string, unknown> = {};
    for (const [at, key] of keys.entries()) {
      if (this.#isSpent()) {
        define(copied, '…', this.#mark('cut', `[cut: ${keys.length - at} more]`));
        break;
      }
      const name = this.#text(key, this.limits.maxNameLength);
      const kind = this.names.kindOf(key) ?? this.names.kindOf(name);
      const value = this.#guarded(() => this.#field(name, read(key), kind, parent, depth));
      if (value !== undefined) define(copied, name, value);
    }
    return copied;
  }

  #field(name: string, value: unknown, kind: SecretKind | null, parent: string, depth: number): unknown {
    const open =
      kind === null || value === null || ['boolean', 'undefined', 'function', 'symbol'].includes(typeof value);
    if (open || (parent === 'properties' && isSchema(value))) return this.copy(value, name, depth + 1);
    if (kind === 'password' || typeof value === 'string') return this.#mark('key', REDACTED);
    // Counters (`maxTokens`, `tokens: { prompt: 5 }`) hold no text, secrets do.
    const before = this.#strings;
    const copied = this.copy(value, name, depth + 1);
    return this.#strings === before ? copied : this.#mark('key', REDACTED);
  }

  #asText(value: string): string {
    this.#strings += 1;
    return this.#text(value, this.limits.maxStringLength);
  }

  #text(text: string, maxLength: number): string {
    const bound = Math.max(MARK_LENGTH, Math.min(maxLength, this.limits.maxTotalLength - this.#length));
    const looked = text.length > bound + LOOK_AHEAD ? text.slice(0, bound + LOOK_AHEAD) : text;
    const safe = this.text.redact(looked);
    if (safe !== looked) this.counts.text += 1;
    const left = text.length - looked.length;
    const copied = left === 0 && safe.length <= bound ? safe : this.#cut(safe, bound, left);
    this.#length += copied.length;
    return copied;
  }

  #cut(text: string, bound: number, left: number): string {
    this.counts.cut += 1;
    let end = Math.min(text.length, bound - MARK_LENGTH);
    if (isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    return `${text.slice(0, end)}… [cut: ${text.length - end + left} characters]`;
  }

  #isSpent(): boolean {
    this.#nodes += 1;
    return this.#nodes > this.limits.maxNodes || this.#length >= this.limits.maxTotalLength;
  }

  /** Getters, proxies and `toJSON` are other people's code: what they throw is a fault of that one value. */
  #guarded(read: () => unknown): unknown {
    try {
      return read();
    } catch {
      return this.#mark('replaced', UNREADABLE);
    }
  }

  #mark(kind: RedactionKind, mark: string): string {
    this.#strings += 1;
    this.counts[kind] += 1;
    return mark;
  }
}

/** What `toJSON` gives, asked once as `JSON.stringify` does. Dates and bytes have a form of their own here. */
function asJson(source: object, name: string): unknown {
  if (types.isDate(source) || ArrayBuffer.isView(source)) return source;
  const toJson: unknown = Reflect.get(source, 'toJSON');
  return typeof toJson === 'function' ? Reflect.apply(toJson, source, [name]) : source;
}

/** A field that a JSON Schema describes: `properties: { password: { type: 'string' } }` holds no password. */
function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && SCHEMA_TYPES.has(value.type);
}

function nameOf(key: unknown): string {
  return typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint' ? String(key) : '[key]';
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** As an own field whatever its name: assigned, `__proto__` would change the prototype instead. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}
