import { readFile } from 'node:fs/promises';

import { describe, expect, it } from '@jest/globals';

import { ROOT } from './cruise.js';

interface LockedPackage {
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly integrity?: string;
  readonly link?: boolean;
}

const json = async <T>(name: string): Promise<T> => JSON.parse(await readFile(`${ROOT}/${name}`, 'utf8')) as T;

describe('What is installed', () => {
  it('runs scripts of these packages alone', async () => {
    const { packages } = await json<{ packages: Record<string, LockedPackage> }>('package-lock.json');
    const scripted = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path, { dev }]) => `${path.replace('node_modules/', '')}${dev === true ? ' (dev)' : ''}`);

    expect(scripted.sort()).toEqual([
      '@parcel/watcher (dev)',
      '@scarf/scarf',
      '@swc/core (dev)',
      'better-sqlite3',
      'msgpackr-extract',
      'unrs-resolver (dev)',
    ]);
  });

  it('reports nothing to anybody', async () => {
    const { scarfSettings } = await json<{ scarfSettings?: unknown }>('package.json');

    expect(scarfSettings).toEqual({ enabled: false });
  });

  it('is what was looked at: each package has the fingerprint that it had then', async () => {
    const { packages } = await json<{ packages: Record<string, LockedPackage> }>('package-lock.json');
    const unknown = Object.entries(packages).filter(
      ([path, { integrity, link }]) => path !== '' && link !== true && integrity === undefined,
    );

    expect(unknown.map(([path]) => path)).toEqual([]);
  });
});
