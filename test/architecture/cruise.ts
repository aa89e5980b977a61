import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(import.meta.dirname, '../..');

const CRUISER = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const CONFIG = join(ROOT, '.dependency-cruiser.mjs');

interface Report {
  summary: { totalCruised: number; violations: { from: string; to: string; rule: { name: string } }[] };
}

export interface Cruise {
  /** Each as `rule: from → to`. */
  readonly violations: readonly string[];
  readonly modules: number;
}

/** Checks the tree `src` below a folder against the floors. Rejects when the check itself does not run. */
export async function cruise(folder: string): Promise<Cruise> {
  const args = [CRUISER, 'src', '--config', CONFIG, '--output-type', 'json', '--no-progress'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, maxBuffer: 256 * 1024 * 1024 });
  const { summary } = JSON.parse(stdout) as Report;
  return {
    violations: summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`),
    modules: summary.totalCruised,
  };
}
