import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { IdGenerator } from '../ids/index.js';

/**
 * The secret of this data directory, made when first asked for, readable by its owner alone. It is there whole or
 * not at all, and two processes that begin together end with the same one.
 */
export async function developmentSecret(file: string, ids: IdGenerator): Promise<string> {
  return (await readSecret(file)) ?? (await makeSecret(file, ids));
}

async function makeSecret(file: string, ids: IdGenerator): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${ids.epoch()}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${ids.secret()}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike a rename, a link leaves alone what another process has put there meanwhile.
    await link(draft, file).catch(unless('EEXIST'));
  } finally {
    await rm(draft, { force: true });
  }
  const secret = await readSecret(file);
  if (secret === null) throw new Error(`${file} was removed while it was made.`);
  return secret;
}

async function readSecret(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(unless('ENOENT'));
  if (text === undefined) return null;
  const secret = text.trim();
  if (!/^[0-9a-f]{64}$/.test(secret))
    throw new Error(`${file} holds no development secret. Delete it to get a new one.`);
  return secret;
}

function unless(code: string): (error: unknown) => void {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code !== code) throw error;
  };
}
