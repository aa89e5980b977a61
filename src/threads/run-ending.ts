import type { RunRecord } from '../storage/index.js';
import type { EventFactory } from './event-factory.js';
import { END_COMMANDS, endReason, nextStatus, type RunEnd } from './run-machine.js';
import type { WriteContext } from './write-context.js';

/**
 * Ends a run inside a transaction: its terminal event and its status together. Null when it has ended already:
 * of all who race to end it, one gets the record.
 */
export async function endRunWithin(
  write: WriteContext,
  events: EventFactory,
  run: RunRecord,
  now: number,
  end: RunEnd,
): Promise<RunRecord | null> {
  const status = nextStatus(run.status, END_COMMANDS[end.type]);
  if (status === null) return null;
  const { runId, agent } = run;
  await write.append(run.threadId, [events.make({ ...end, runId, agent })]);
  return write.runs.update(runId, {
    status,
    endedAt: now,
    endReason: endReason(end),
    inputs: run.inputs.map((input) => (input.status === 'open' ? { ...input, status: 'closed' } : input)),
  });
}
