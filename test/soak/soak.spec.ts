import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from '@jest/globals';

const SOAK = fileURLToPath(new URL('../../bench/soak.mjs', import.meta.url));
const PATIENCE_MS = 150_000;

interface Result {
  readonly faults: readonly string[];
  readonly left: Readonly<Record<string, number>>;
  readonly grown: readonly string[];
}

/** On the server as it is built. Few rounds say nothing about memory; they do about completeness and what is left. */
async function soak(...args: string[]): Promise<{ code: unknown; result: Result; errors: string }> {
  const child = spawn(process.execPath, [SOAK, '--json', ...args], { env: { PATH: process.env.PATH } });
  let stdout = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [unknown];
  if (!stdout.startsWith('{')) throw new Error(`The soak has no result; was the server built? ${errors}`);
  return { code, result: JSON.parse(stdout) as Result, errors };
}

describe('The soak, in its short form', () => {
  it(
    'sees every stream whole and in order, and nothing left when the clients have gone',
    async () => {
      const { code, result } = await soak('--rounds', '2');
      expect(result).toMatchObject({
        rounds: 2,
        connections: 42,
        runs: 58,
        streams: 8,
        faults: [],
        left: {},
        grown: [],
      });
      expect(code).toBe(0);
    },
    PATIENCE_MS,
  );

  it(
    'fails when the server keeps a listener',
    async () => {
      const { code, result } = await soak('--rounds', '1', '--defect', 'listeners');
      expect(result).toMatchObject({ faults: [], left: {}, grown: ['listeners'] });
      expect(code).toBe(1);
    },
    PATIENCE_MS,
  );
});
