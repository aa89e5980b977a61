import { readFile, readdir } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

import { ROOT } from './cruise.js';

const MAX_BYTES = 10_000;

describe('threadcast/client', () => {
  it(`has less than ${MAX_BYTES} bytes, gzipped`, async () => {
    const files = (await readdir(`${ROOT}/src/client`)).filter((file) => !file.endsWith('spec.ts'));
    const texts = await Promise.all(files.map((file) => readFile(`${ROOT}/src/client/${file}`, 'utf8')));
    const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, removeComments: true };
    const code = texts.map((text) => ts.transpileModule(text, { compilerOptions }).outputText).join('\n');

    expect(code).toContain('class ThreadcastClient ');
    expect(gzipSync(code).length).toBeLessThan(MAX_BYTES);
  });

  it('imports nothing but socket.io-client', async () => {
    const files = (await readdir(`${ROOT}/src/client`)).filter((file) => !file.endsWith('spec.ts'));
    const imported = new Set<string>();
    for (const file of files) {
      const text = await readFile(`${ROOT}/src/client/${file}`, 'utf8');
      const { outputText } = ts.transpileModule(text, {
        compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
      });
      for (const [, from] of outputText.matchAll(/from '([^']+)'/g)) if (!from!.startsWith('./')) imported.add(from!);
    }

    expect([...imported]).toEqual(['socket.io-client']);
  });
});
