import type { RunPlace } from '../storage/index.js';

/** Who has a run in hand keeps it for as long as it waits: its content is not to be held with it. */
export function placeOf(run: RunPlace): RunPlace {
  const { runId, threadId, agent, userId, status, attempt, policy, external, position, node } = run;
  return { runId, threadId, agent, userId, status, attempt, policy, external, position, node };
}
