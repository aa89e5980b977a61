import type { Metrics } from '../../src/metrics/index.js';

/** What a scraper reads: each sample by its name, without `threadcast_`, and its labels, as they are written. */
export type Samples = ReadonlyMap<string, number>;

const SAMPLE = /^([a-z0-9_]+(?:\{.*\})?) (\S+)$/;

/**
 * Reads what `GET /metrics` tells, at the moment and as often as a test likes: past ten times in a second, which may stand still,
 * the route tells what it told before. Only the server's own; of histograms, sum and count.
 */
export async function scrape(metrics: Pick<Metrics, 'text'>): Promise<Samples> {
  const samples = new Map<string, number>();
  for (const line of (await metrics.text()).split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value] = SAMPLE.exec(line) ?? [];
    if (name === undefined) throw new Error(`This is no sample: ${line}`);
    const ours = name.startsWith('threadcast_') && !name.includes('_bucket{');
    if (ours) samples.set(name.slice('threadcast_'.length), Number(value));
  }
  return samples;
}

/** By how much each sample has moved from one scrape to the other; those that have not are left out. */
export function moved(before: Samples, after: Samples): Record<string, number> {
  const moves = [...after].map(([name, value]) => [name, round(value - (before.get(name) ?? 0))] as const);
  return Object.fromEntries(moves.filter(([, by]) => by !== 0));
}

/** Sums of fractions are not exact. */
function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
