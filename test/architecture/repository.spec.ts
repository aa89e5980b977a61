import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { ROOT } from './cruise.js';
import { type TextFile, readRepository } from './repository-files.js';

const MAX_LINES = 300;

/** Written in parts, so that this file does not hold what it looks for. */
const registry = ['regis', 'try'].join('');
const REGISTRY_HOST = new RegExp(
  `${registry}\\.(npmjs|yarnpkg|npmmirror)\\.|npm\\.pkg\\.|https?://[\\w.-]*${registry}`,
  'i',
);

const SILENCED = [
  /\b(?:it|test|describe)\s*\.\s*(?:skip|only|todo)\b/,
  /\b(?:xit|xtest|xdescribe|fit|fdescribe)\s*\(/,
  new RegExp(['eslint', 'disable'].join('-')),
  new RegExp(`@ts-${['ignore', 'nocheck', 'expect-error'].join('|@ts-')}`),
];

let files: readonly TextFile[];

beforeAll(async () => {
  files = await readRepository(ROOT);
});

const within = (...folders: string[]) =>
  files.filter(({ path }) => path.endsWith('.ts') && folders.some((folder) => path.startsWith(`${folder}/`)));

describe('The repository', () => {
  it('is read', () => {
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(['package.json', '.ci/run', 'src/main.ts']));
    expect(files.filter(({ path }) => /^(node_modules|dist|\.git)\//.test(path))).toEqual([]);
  });

  it('names no host of a package registry', () => {
    expect(files.filter(({ text }) => REGISTRY_HOST.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('has a lock file that works with any registry', async () => {
    const lock = JSON.parse(await readFile(`${ROOT}/package-lock.json`, 'utf8')) as {
      packages: Record<string, { resolved?: string }>;
    };
    const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);

    expect(Object.keys(lock.packages).length).toBeGreaterThan(1);
    expect(resolved.map(([name]) => name)).toEqual([]);
  });

  it(`has no source file above ${MAX_LINES} lines`, () => {
    const long = within('src').filter(({ text }) => text.split('\n').length - 1 > MAX_LINES);

    expect(long.map(({ path }) => path)).toEqual([]);
  });

  it('has documents whose links lead to files that are there', () => {
    const broken = files
      .filter(({ path }) => path.endsWith('.md'))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)]
          .map(([, target]) => posix.join(posix.dirname(path), target!).replace(/\/$/, ''))
          .filter((target) => !files.some((file) => file.path === target || file.path.startsWith(`${target}/`)))
          .map((target) => `${path}: ${target}`),
      );

    expect(broken).toEqual([]);
  });

  it('silences neither a test nor a check', () => {
    const silenced = within('src', 'test').flatMap(({ path, text }) =>
      SILENCED.flatMap((pattern) => pattern.exec(text)?.[0] ?? []).map((found) => `${path}: ${found}`),
    );

    expect(silenced).toEqual([]);
  });
});

describe('docs/dependencies.md', () => {
  it.each([
    ['dependencies', 'Of the server'],
    ['devDependencies', 'Of development'],
    ['overrides', 'Held versions'],
  ])('gives a reason for each of the %s and for nothing else', async (field, heading) => {
    const manifest = JSON.parse(await readFile(`${ROOT}/package.json`, 'utf8')) as Record<string, object>;
    const document = await readFile(`${ROOT}/docs/dependencies.md`, 'utf8');
    const section = document.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
    const reasons = [...section.matchAll(/^\| `([^`]+)`\s*\|\s*\S/gm)].map(([, name]) => name);

    expect(reasons.sort()).toEqual(Object.keys(manifest[field] ?? {}).sort());
  });
});
