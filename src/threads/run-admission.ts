import type { RunPlace, RunRecord } from '../storage/index.js';
import { isUnderWay } from './run-machine.js';
import type { WriteContext } from './write-context.js';

/** Under way, or a node's to begin. */
export function isTaken(run: Pick<RunPlace, 'status' | 'node'>): boolean {
  return isUnderWay(run.status) || (run.status === 'queued' && run.node !== null);
}

/**
 * Whether a queued run may be this node's to begin, inside a transaction that holds its thread and its user: it is so
 * already, or it is nobody's, its thread's turn is its, and its user is below the limit. The same rule as the scheduler's
 * of one process: first by position with nobody under way, or `parallel`.
 */
export async function mayBegin(
  write: WriteContext,
  run: RunRecord,
  { node, maxPerUser }: { readonly node: string; readonly maxPerUser: number },
): Promise<boolean> {
  if (run.node !== null) return run.node === node;
  const active = await write.runs.activePlaces(run.threadId);
  return hasTurn(run, active) && (await isWithin(write, run, maxPerUser));
}

/** `active`: the runs of the thread that have not ended, this one among them, in the order of the store. */
function hasTurn(run: RunRecord, active: readonly RunPlace[]): boolean {
  if (run.policy === 'parallel') return true;
  return !active.some(isTaken) && active.find((other) => other.policy !== 'parallel')?.runId === run.runId;
}

/** Counting is safe as long as the transaction holds the user. Runs of other processes cost nobody work. */
export async function isWithin(
  write: WriteContext,
  { userId, external }: Pick<RunPlace, 'userId' | 'external'>,
  maxPerUser: number,
): Promise<boolean> {
  return external || (await write.runs.underWayOf(userId)) < maxPerUser;
}
