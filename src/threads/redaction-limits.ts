/** Bounds of one value. Lengths are in UTF-16 code units, as strings count them. */
export class RedactionLimits {
  /** Containers inside containers; what lies deeper is replaced by a mark. */
  maxDepth = 64;

  /** One string, its mark included. */
  maxStringLength = 262_144;

  /** The name of one field, its mark included. */
  maxNameLength = 1_024;

  /** Fields and elements together; the rest of each container is replaced by one mark. */
  maxNodes = 100_000;

  /** Strings and names together. Bounds the work: an object that is referred to often is copied as often. */
  maxTotalLength = 4_194_304;
}

/** A mark of a cut has to fit, and a copy must not exhaust the stack. */
const RANGES: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['maxDepth', [1, 256]],
  ['maxStringLength', [128, 16_777_216]],
  ['maxNameLength', [128, 65_536]],
  ['maxNodes', [1, 10_000_000]],
  ['maxTotalLength', [128, 67_108_864]],
]);

/** What is wrong with these, in words. */
export function limitFaults(limits: unknown): string[] {
  if (typeof limits !== 'object' || limits === null) return ['limits must be an object'];
  return Object.entries(limits).flatMap(([name, value]: [string, unknown]) => {
    const range = RANGES.get(name);
    if (range === undefined) return [`there is no limit limits.${name}`];
    const [least, most] = range;
    const fits = Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
    return fits ? [] : [`limits.${name} must be a whole number from ${least} to ${most}`];
  });
}
