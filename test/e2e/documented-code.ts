import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The first block of JavaScript under this heading of a document. */
export async function codeUnder(path: string, heading: string): Promise<string> {
  const document = await readFile(`${ROOT}/${path}`, 'utf8');
  const section = document.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return /```js\n(.*?)```/s.exec(section)?.[1] ?? '';
}
