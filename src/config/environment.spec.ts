import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';

import { ENVIRONMENT, loadConfig, type Variable } from './index.js';

const variables: readonly Variable<unknown>[] = Object.values(ENVIRONMENT);
const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

describe('the catalogue of the environment', () => {
  it('names each setting after its variable', () => {
    for (const [setting, { name }] of Object.entries(ENVIRONMENT)) {
      expect(setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).toBe(name);
    }
  });

  it('has defaults that are themselves accepted', () => {
    const env = Object.fromEntries(variables.map(({ name, fallback }) => [name, fallback ?? '']));
    expect(loadConfig(env)).toEqual(loadConfig({}));
  });

  it('is what .env.example shows: each variable once, with its meaning and its default, commented out', () => {
    const expected = variables.map(({ name, fallback, meaning }) => `# ${meaning}\n# ${name}=${fallback ?? ''}`);
    const shown = [...example.matchAll(/^# .+\n# ?[A-Z_]+=.*$/gm)].map(([entry]) => entry);
    expect(shown).toEqual(expected);
    expect(example.match(/^[^#\n].*$/gm)).toBeNull();
  });
});
