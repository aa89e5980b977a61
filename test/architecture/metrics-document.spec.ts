import { readFile } from 'node:fs/promises';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { METRICS } from '../../src/metrics/index.js';
import { ROOT } from './cruise.js';
import { rowsIn, type Rows } from './document-tables.js';

/** Names as code in a cell. */
const codeIn = (cell = ''): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!);

describe('docs/metrics.md', () => {
  let document: string;
  let rows: Rows;

  beforeAll(async () => {
    document = await readFile(`${ROOT}/docs/metrics.md`, 'utf8');
    rows = rowsIn(document);
  });

  it('has every metric with its type and its labels, and no other', () => {
    const told = [...rows].map(([name, [type, labels]]) => [name, { type, labels: codeIn(labels) }]);
    const present = Object.entries(METRICS).map(([name, { kind, labels }]) => [name, { type: kind, labels }]);

    expect(present.length).toBeGreaterThan(30);
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(present));
  });

  it('says of each what it means', () => {
    expect([...rows].filter(([, [, , meaning = '']]) => meaning === '')).toEqual([]);
  });

  it('names nothing that is not there', () => {
    const named = [...document.matchAll(/\bthreadcast_[a-z_]+\b/g)].map(([name]) => name);

    expect(named.filter((name) => !Object.hasOwn(METRICS, name))).toEqual([]);
  });
});
