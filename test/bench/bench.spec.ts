import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it } from '@jest/globals';

const BENCH = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url));
/** It starts some sixty processes, the servers of a work and their clients at once: a busy machine takes minutes. */
const PATIENCE_MS = 300_000;

interface Result {
  readonly work: string;
  readonly measured: Readonly<Record<string, { readonly faults: readonly string[] }>>;
}

describe('The benchmark, in its short form', () => {
  let bench: ChildProcess | null = null;
  afterEach(async () => {
    if (bench?.exitCode !== null || bench.signalCode !== null) return;
    bench.kill();
    await once(bench, 'close');
  });

  /** On the server as it is built. */
  async function run(): Promise<{ code: unknown; results: readonly Result[] }> {
    const child = spawn(process.execPath, [BENCH, '--short', '--json'], { env: { PATH: process.env.PATH } });
    bench = child;
    let stdout = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(child, 'close')) as [unknown];
    if (!stdout.startsWith('[')) throw new Error(`The benchmark has no result; was the server built? ${errors}`);
    return { code, results: JSON.parse(stdout) as Result[] };
  }

  // Of times it says nothing: its sizes are too small for that, and the machine may be busy.
  it(
    'sees every stream of every work whole and in order, on this server and on its peers',
    async () => {
      const { code, results } = await run();

      const faults = results.flatMap(({ work, measured }) =>
        Object.entries(measured).flatMap(([peer, of]) => of.faults.map((fault) => `${work}, ${peer}: ${fault}`)),
      );
      expect(faults).toEqual([]);
      const peers = Object.fromEntries(results.map(({ work, measured }) => [work, Object.keys(measured)]));
      expect(peers).toEqual({
        'burst-words': ['bare', 'recovery', 'ws', 'gathered', 'single', 'batch'],
        'burst-events': ['bare', 'recovery', 'ws', 'gathered', 'single', 'batch'],
        paced: ['bare', 'single', 'batch'],
        connect: ['bare', 'recovery', 'single'],
        'stopped-reader': ['bare', 'single', 'batch'],
        'catch-up-events': ['bare', 'single', 'batch'],
        'catch-up-words': ['bare', 'single', 'batch'],
        'big-log': ['small', 'big'],
      });
      expect(code).toBe(0);
    },
    PATIENCE_MS,
  );
});
