import { z } from 'zod';

import { THREAD_EVENT_TYPES } from '../../protocol/index.js';
import { OUTCOMES } from './explain.js';
import { FOLLOWING, NODE, NODES, TIME } from './following-schemas.js';
import { THREAD_FACTS } from './state-schemas.js';

const SEQ_AND_TIME = { seq: z.int(), time: TIME };

export const EXPLAINED = z.object({
  outcome: z.enum(OUTCOMES),
  reason: z.string().describe('One sentence, for people.'),
  threadId: z.string(),
  userId: z.string(),
  seq: z.int(),
  thread: THREAD_FACTS.nullable().describe('Null: it is not there, or its present log is not the one that is meant.'),
  logDeleted: z.boolean().describe('The log that is meant was deleted with its thread.'),
  event: z
    .object({ ...SEQ_AND_TIME, type: z.enum(THREAD_EVENT_TYPES), runId: z.string().nullable() })
    .nullable()
    .describe('Without its content.'),
  role: z.enum(['owner', 'member']).nullable().describe('Of the user, now.'),
  cursor: z
    .object({ ...SEQ_AND_TIME, userId: z.string() })
    .nullable()
    .describe('How far the user has acknowledged.'),
  removal: z.object(SEQ_AND_TIME).nullable().describe('The last time that the user was removed from the thread.'),
  notice: z
    .object({
      outcome: z
        .enum(['acknowledged', 'received', 'told', 'notified', 'unnotified', 'refused', 'given_up', 'no_access'])
        .nullable()
        .describe('Null: it is owed.'),
      settledAt: TIME.nullable(),
    })
    .nullable()
    .describe('What became of the notice of this event that the user was owed.'),
  followings: z
    .array(FOLLOWING.extend(NODE))
    .readonly()
    .describe('Those of the user on that log, the last 100, in the order in which they began.'),
  followingsTotal: z.int(),
  knownSince: TIME.nullable().describe('Of what ended before this, some may be forgotten.'),
  ...NODES,
});
