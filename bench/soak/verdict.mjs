/**
 * The judgement of a soak's samples. One is taken after each round, when everybody has left and after a collection, so that
 * they are all of the same state and what differs was kept.
 *
 * - The first quarter of the samples, at least five, is warm-up: caches fill, code is compiled.
 * - Memory: a trend that chance would give once in a hundred times (Mann-Kendall, one-sided, z above 2.33), and that adds up
 *   to more than 1 MiB over the samples judged (by the median of the slopes of all pairs, Theil-Sen).
 * - Counts of handles and listeners: grown when the least of the last third is above the most of the first third.
 */
export const MEMORY = ['heap', 'external'];
export const COUNTS = ['sockets', 'timers', 'resources', 'listeners'];
const MIB = 1_048_576;
const LEAST_JUDGED = 9;

export function warmUpOf(count) {
  return Math.max(5, Math.ceil(count / 4));
}

/** What has grown, in words. `told` is null where there are too few samples to say. */
export function judge(samples) {
  const judged = samples.slice(warmUpOf(samples.length));
  if (judged.length < LEAST_JUDGED) return { growths: [], enough: false };
  const growths = [];
  for (const name of MEMORY) {
    const { z, growth } = trend(judged.map((sample) => sample[name]));
    if (z > 2.33 && growth > MIB) growths.push(`${name} grew by ${(growth / MIB).toFixed(2)} MiB (z ${z.toFixed(1)})`);
  }
  for (const name of COUNTS) {
    const values = judged.map((sample) => sample[name]);
    const third = Math.floor(values.length / 3);
    const [before, after] = [Math.max(...values.slice(0, third)), Math.min(...values.slice(-third))];
    if (after > before) growths.push(`${name} grew from ${before} to ${after}`);
  }
  return { growths, enough: true };
}

/** Mann-Kendall's z, and Theil-Sen's slope times the length. */
function trend(values) {
  const slopes = [];
  let s = 0;
  for (let i = 0; i < values.length; i += 1) {
    for (let j = i + 1; j < values.length; j += 1) {
      slopes.push((values[j] - values[i]) / (j - i));
      s += Math.sign(values[j] - values[i]);
    }
  }
  const n = values.length;
  const deviation = Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  slopes.sort((a, b) => a - b);
  return { z: (s - Math.sign(s)) / deviation, growth: slopes[Math.floor(slopes.length / 2)] * (n - 1) };
}
