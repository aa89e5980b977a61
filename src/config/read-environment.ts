import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/**
 * The process's environment over the file `.env` of the directory, if there is one. What the process has wins,
 * an empty variable too: it turns the file's line off. Nothing is written to `process.env`.
 */
export function readEnvironment(directory = process.cwd()): NodeJS.ProcessEnv {
  return { ...readFile(join(directory, '.env')), ...process.env };
}

function readFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
