import type { RunRecord } from '../threads/index.js';

/** A run as the users of its thread see it. Its input stands in the log, in `agent_started`. */
export type RunView = Omit<RunRecord, 'position' | 'input' | 'orphaned' | 'inputs'> & {
  readonly inputs: readonly Omit<RunRecord['inputs'][number], 'answerHash'>[];
};

export function runView(run: RunRecord): RunView {
  const { runId, threadId, agent, userId, status, attempt, policy, external, messageId, associated } = run;
  const { inputs, createdAt, startedAt, endedAt, endReason } = run;
  return {
    ...{ runId, threadId, agent, userId, status, attempt, policy, external, messageId, associated },
    inputs: inputs.map(({ answerHash: _, ...input }) => input),
    ...{ createdAt, startedAt, endedAt, endReason },
  };
}
