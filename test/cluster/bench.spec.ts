import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from '@jest/globals';

import { TEST_DATABASE_URL } from './database-url.js';

const BENCH = fileURLToPath(new URL('../../bench/cluster.mjs', import.meta.url));

interface Outcome {
  readonly results: readonly {
    readonly cluster: string;
    readonly work: string;
    readonly faults: readonly string[];
    readonly figures: Readonly<Record<string, unknown>>;
  }[];
}

/** On the server as it is built. Small sizes say nothing about speed; they do about completeness and order. */
describe('The benchmark of the cluster, in its short form', () => {
  it('sees every stream whole and in order, wherever its clients are', async () => {
    const env = { PATH: process.env['PATH'], BENCH_DATABASE_URL: TEST_DATABASE_URL };
    const child = spawn(process.execPath, [BENCH, '--short', '--json', '--nodes', '2'], { env });
    let [stdout, errors] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(child, 'close')) as [unknown];
    if (!stdout.startsWith('{')) throw new Error(`The benchmark has no result; was the server built? ${errors}`);
    const { results } = JSON.parse(stdout) as Outcome;
    const places = ['here', 'elsewhere', 'every'].map((place) => `delivery, followed ${place}`);
    expect(results.map(({ work }) => work)).toEqual([...places, 'runs', 'idle']);
    expect(results.flatMap(({ faults }) => faults)).toEqual([]);
    for (const { figures } of results.slice(0, 3)) expect(figures['deliveriesPerCpuSecond']).toBeGreaterThan(0);
    expect(code).toBe(0);
  }, 120_000);
});
