import type { RunRecord } from '../storage/index.js';
import type { RunPlaces } from './run-places.js';
import { hasEnded } from './run-machine.js';
import type { WriteContext } from './write-context.js';

/** A run as it was seen to be a node's that is gone. */
export type LeftRun = Pick<RunRecord, 'runId' | 'threadId' | 'node' | 'attempt'>;

/**
 * Whether a run is still as it was seen, and its node gone. Asked inside the transaction: between the look and this, that node may
 * have renewed its lease, and then its runs are its own.
 */
export async function isLeft(
  { runs }: Pick<WriteContext, 'runs'>,
  places: RunPlaces,
  seen: LeftRun,
  present: RunRecord,
): Promise<boolean> {
  const { node, attempt } = seen;
  if (present.node !== node || present.attempt !== attempt || hasEnded(present.status)) return false;
  return node === null || node === places.node || !(await runs.isKept(node));
}
