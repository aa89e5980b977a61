import { readFileSync } from 'node:fs';

/** Of the package that this file is part of. */
export const VERSION = versionOf(new URL('../../package.json', import.meta.url));

function versionOf(manifest: URL): string {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return version;
}
