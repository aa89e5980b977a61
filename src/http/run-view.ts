import { z } from 'zod';

import { JSON_VALUE, RUN_POLICIES, RUN_STATUS } from '../protocol/index.js';
import { answerOf, type RunInput, type RunRecord } from '../threads/index.js';

const INPUT_VIEW = z.object({
  requestId: z.string(),
  status: z.enum(['open', 'answered', 'expired', 'closed']),
  prompt: z.string().optional(),
  schema: JSON_VALUE.optional().describe('JSON Schema, for a form.'),
  value: JSON_VALUE.optional().describe('The answer, as the log tells it.'),
  requestedAt: z.int().describe('Unix ms.'),
  answeredAt: z.int().optional().describe('Unix ms.'),
});

/** A run as the users of its thread see it. Its input stands in the log, in `agent_started`. */
export const RUN_VIEW = z
  .object({
    runId: z.string(),
    threadId: z.string(),
    agent: z.string(),
    userId: z.string().describe('Who started it.'),
    status: RUN_STATUS,
    attempt: z.int().min(0).describe('How often it was taken up; 0 while queued.'),
    policy: z.enum(RUN_POLICIES),
    external: z.boolean().describe('Executed by another process.'),
    messageId: z.string().nullable(),
    associated: z.boolean().describe('It was begun with its connection following the thread.'),
    associationMs: z.int().min(0).describe('How long its start waited for that.'),
    inputs: z.array(INPUT_VIEW).readonly().describe('What it has asked its users.'),
    createdAt: z.int().describe('Unix ms.'),
    startedAt: z.int().nullable().describe('Unix ms.'),
    endedAt: z.int().nullable().describe('Unix ms.'),
    endReason: z.string().nullable().describe('The code of its `agent_error`, or the reason of its `agent_cancelled`.'),
  })
  .meta({ id: 'Run' });

export type RunView = z.infer<typeof RUN_VIEW>;

/** `asGiven`: with the answers as they were given, as an agent gets them; otherwise as the log tells them. */
export function runView(run: RunRecord, asGiven: boolean): RunView {
  const { runId, threadId, agent, userId, status, attempt, policy, external, messageId } = run;
  const { associated, associationMs, inputs, createdAt, startedAt, endedAt, endReason } = run;
  return {
    ...{ runId, threadId, agent, userId, status, attempt, policy, external, messageId },
    ...{ associated, associationMs },
    inputs: inputs.map((input) => inputView(input, asGiven)),
    ...{ createdAt, startedAt, endedAt, endReason },
  };
}

function inputView(input: RunInput, asGiven: boolean): z.infer<typeof INPUT_VIEW> {
  const value = asGiven ? answerOf(input) : input.value;
  return value === undefined ? shown(input) : { ...shown(input), value };
}

function shown({ answerHash: _hash, given: _given, named: _named, attempt: _attempt, ...view }: RunInput) {
  return view;
}
