import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface TextFile {
  /** From the top of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/**
 * All files of the repository beside what .gitignore names. Git itself is not asked: the tests run on a machine that
 * has Node alone, and from an unpacked archive.
 */
export async function readRepository(root: string): Promise<readonly TextFile[]> {
  const ignored = ignores(await readFile(join(root, '.gitignore'), 'utf8'));
  const files: TextFile[] = [];

  async function walk(folder: string): Promise<void> {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (ignored(entry.name, entry.isDirectory())) continue;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) files.push({ path, text: await readFile(join(root, path), 'utf8') });
    }
  }

  await walk('');
  return files;
}

/** Understands `name`, `name/` and `*.ending`; rejects other patterns, so that none is passed over. */
function ignores(gitignore: string): (name: string, isFolder: boolean) => boolean {
  const patterns = gitignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const folders = new Set(['.git']);
  const names = new Set<string>();
  const endings: string[] = [];
  for (const pattern of patterns) {
    if (/^[\w.-]+\/$/.test(pattern)) folders.add(pattern.slice(0, -1));
    else if (/^[\w.-]+$/.test(pattern)) names.add(pattern);
    else if (/^\*\.[\w.-]+$/.test(pattern)) endings.push(pattern.slice(1));
    else throw new Error(`.gitignore has a pattern that this check does not understand: ${pattern}`);
  }
  return (name, isFolder) =>
    names.has(name) || (isFolder && folders.has(name)) || endings.some((ending) => name.endsWith(ending));
}
