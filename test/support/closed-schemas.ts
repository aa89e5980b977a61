/**
 * A copy in which objects have no fields but those that are described. Published schemas leave them open, so that
 * fields may come in time; whoever sends a field today has to describe it.
 */
export function closed<T>(value: T): T {
  return close(value, false) as T;
}

function close(value: unknown, partOfAll: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => close(item, partOfAll));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, close(inner, key === 'allOf')]);
  const copy = Object.fromEntries(entries) as Record<string, unknown>;
  const isOpen = copy['type'] === 'object' && 'properties' in copy && !('additionalProperties' in copy);
  return isOpen && !partOfAll ? { ...copy, additionalProperties: false } : copy;
}
