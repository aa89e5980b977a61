import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { transformSync } from '@swc/core';

const { jsc, module } = JSON.parse(readFileSync(new URL('../../.swcrc', import.meta.url), 'utf8'));

/** Our imports end in `.js`, as they do in the build; here the file beside it ends in `.ts`. */
export function resolve(specifier, context, next) {
  const parent = context.parentURL ?? '';
  if (specifier.startsWith('.') && specifier.endsWith('.js') && parent.endsWith('.ts')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), parent);
    if (existsSync(source)) return { url: source.href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const filename = fileURLToPath(url);
  const options = { jsc, module, filename, swcrc: false, sourceMaps: 'inline' };
  return { format: 'module', source: transformSync(readFileSync(filename, 'utf8'), options).code, shortCircuit: true };
}
