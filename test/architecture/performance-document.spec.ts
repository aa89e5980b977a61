import { readFile } from 'node:fs/promises';

import { describe, expect, it } from '@jest/globals';

import { ROOT } from './cruise.js';

type Table = (results: readonly unknown[]) => string;

async function tableOf(...results: readonly unknown[]): Promise<string[][]> {
  const { table } = (await import(`${ROOT}/bench/support/goals.mjs`)) as { table: Table };
  return rowsOf(table(results));
}

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map(cellsOf);

describe('docs/performance.md', () => {
  it('has the goals that the benchmark judges by, and no other', async () => {
    const document = await readFile(`${ROOT}/docs/performance.md`, 'utf8');
    const [, section = ''] = document.split('## The goals, and what was measured');
    const goals = (await tableOf()).map((cells) => cells.slice(0, 3));

    expect(goals.length).toBeGreaterThan(10);
    expect(rowsOf(section).map((cells) => cells.slice(0, 3))).toEqual(goals);
  });

  it('is filled with ratios within one run, and with what met its goal', async () => {
    const row = async (batch: number) => {
      const [bare, single] = [{ perCpuSecond: 1_000 }, { perCpuSecond: 12_000 }];
      const measured = { bare, single, batch: { perCpuSecond: batch } };
      const [first = []] = await tableOf({ work: 'burst-words', measured });
      return first.slice(3);
    };

    expect(await row(20_000)).toEqual(['1,000', '', '', '', '12,000 (12 ×)', '20,000 (20 ×)', 'yes']);
    expect(await row(19_000)).toEqual(['1,000', '', '', '', '12,000 (12 ×)', '19,000 (19 ×)', 'no']);
  });
});
