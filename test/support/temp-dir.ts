import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Directories of a test file, removed by `remove` in its `afterEach`. */
export class TempDirs {
  readonly #made: string[] = [];

  async make(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'threadcast-'));
    this.#made.push(path);
    return path;
  }

  async remove(): Promise<void> {
    for (const path of this.#made.splice(0)) await rm(path, { recursive: true, force: true });
  }
}
