import { StartupError } from './startup-error.js';

interface Ordered {
  readonly name: string;
  readonly after: readonly string[];
}

/**
 * The tasks so that each comes behind those that it names, otherwise in the order given. Throws `StartupError` when
 * two have the same name, a named one does not exist, or they wait for each other.
 */
export function inOrder<T extends Ordered>(tasks: readonly T[]): T[] {
  const names = new Set<string>();
  for (const { name } of tasks) {
    if (names.has(name)) throw new StartupError(`Two startup tasks are named '${name}'; a name must be unique.`);
    names.add(name);
  }
  for (const { name, after } of tasks) {
    const unknown = after.find((wanted) => !names.has(wanted));
    if (unknown !== undefined) {
      const known = [...names].join(', ');
      throw new StartupError(`Startup task '${name}' comes after '${unknown}', which does not exist. Tasks: ${known}.`);
    }
  }

  const ordered: T[] = [];
  const placed = new Set<string>();
  let rest = [...tasks];
  while (rest.length > 0) {
    const next = rest.find((task) => task.after.every((name) => placed.has(name)));
    if (next === undefined) {
      const circle = rest.map((task) => `'${task.name}' after ${task.after.map((name) => `'${name}'`).join(', ')}`);
      throw new StartupError(`Startup tasks wait for each other: ${circle.join('; ')}.`);
    }
    ordered.push(next);
    placed.add(next.name);
    rest = rest.filter((task) => task !== next);
  }
  return ordered;
}
