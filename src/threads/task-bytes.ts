/** Of a task, what is not what somebody said: rows, ids, the frame of an event. */
const BARE_BYTES = 512;

/** What cannot be written as JSON is bounded by the redactor later; it is taken to be as large as an event may be. */
const UNKNOWN_BYTES = 262_144;

/** About as many bytes as a task writes that stores these. */
export function taskBytes(...said: readonly unknown[]): number {
  return said.reduce<number>((bytes, part) => bytes + sizeOf(part), BARE_BYTES);
}

function sizeOf(part: unknown): number {
  try {
    const json: unknown = JSON.stringify(part);
    return typeof json === 'string' ? Buffer.byteLength(json) : 0;
  } catch {
    return UNKNOWN_BYTES;
  }
}
