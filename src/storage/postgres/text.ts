/**
 * PostgreSQL's text takes every character but U+0000. What people choose may have it, so it is written as an
 * escape, and so that no other text looks like one, the backslash too. Not for JSON, which never has it raw.
 */
export function toText(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\u0000', '\\0');
}

export function fromText(stored: string): string {
  return stored.replaceAll(/\\(.)/gs, (_, escaped: string) => (escaped === '0' ? '\u0000' : escaped));
}

export function toTextOrNull(value: string | null): string | null {
  return value === null ? null : toText(value);
}

export function fromTextOrNull(stored: string | null): string | null {
  return stored === null ? null : fromText(stored);
}
