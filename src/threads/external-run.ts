import type { ThreadEventData } from '../protocol/index.js';
import type { RunRecord } from '../storage/index.js';
import type { EventFactory } from './event-factory.js';
import { isUnderWay } from './run-machine.js';
import type { WriteContext } from './write-context.js';

/** Under which the seq of a run's `agent_started` is kept among its events; no producer can give it. */
export const STARTED_KEY = 'started';

/** Its turn has come, and the process that executes it has said nothing yet: the log has no event of it. */
export function isSilent(run: Pick<RunRecord, 'external' | 'status' | 'attempt'>): boolean {
  return run.external && isUnderWay(run.status) && run.attempt === 0;
}

/**
 * The first event of a silent run, and the attempt under which its process appends. Told with the first thing that the
 * process says, or, where it never says anything, right before the end.
 */
export async function tellStartWithin(
  write: WriteContext,
  events: EventFactory,
  run: RunRecord,
  said: ThreadEventData['agent_started'] = {},
): Promise<RunRecord> {
  const { runId, threadId, agent, input } = run;
  const data = { ...(input === null ? {} : { input }), ...said };
  const seq = await write.append(threadId, [events.make({ type: 'agent_started', data, runId, agent })]);
  await write.runs.recordEvent(runId, STARTED_KEY, seq);
  return (await write.runs.update(runId, { attempt: run.attempt + 1 })) ?? run;
}
