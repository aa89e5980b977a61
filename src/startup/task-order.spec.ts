import { describe, expect, it } from '@jest/globals';

import { inOrder } from './task-order.js';

const task = (name: string, ...after: string[]) => ({ name, after });
const names = (tasks: readonly { name: string }[]) => tasks.map(({ name }) => name);

describe('the order of startup tasks', () => {
  it('keeps the order given where nothing is said', () => {
    expect(names(inOrder([task('b'), task('a'), task('c')]))).toEqual(['b', 'a', 'c']);
  });

  it('puts each behind all that it names', () => {
    const tasks = [task('runs', 'storage', 'agents'), task('agents', 'storage'), task('storage')];
    expect(names(inOrder(tasks))).toEqual(['storage', 'agents', 'runs']);
  });

  it('refuses a name that no task has', () => {
    expect(() => inOrder([task('runs', 'storage'), task('agents')])).toThrow(
      "Startup task 'runs' comes after 'storage', which does not exist. Tasks: runs, agents.",
    );
  });

  it('refuses a name that two tasks have', () => {
    expect(() => inOrder([task('runs'), task('runs')])).toThrow("Two startup tasks are named 'runs'");
  });

  it('refuses tasks that wait for each other, and names them alone', () => {
    expect(() => inOrder([task('storage'), task('a', 'b', 'storage'), task('b', 'a')])).toThrow(
      "Startup tasks wait for each other: 'a' after 'b', 'storage'; 'b' after 'a'.",
    );
  });
});
