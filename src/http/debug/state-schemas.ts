import { z } from 'zod';

import { RUN_POLICIES, RUN_STATUS } from '../../protocol/index.js';
import { CHANNEL, FOLLOWING, NEXT_CURSOR, NODE, NODES, TIME } from './following-schemas.js';

const EXECUTION = z
  .object({
    ...NODE,
    runId: z.string(),
    state: z
      .enum(['queued', 'taking_up', 'working', 'waiting_input', 'ending', 'external'])
      .describe('`external`: another process executes it, and it holds its place in the thread here.'),
    waitsFor: z.enum(['thread', 'limits']).nullable().describe('What a queued run waits for.'),
    ahead: z.int().describe('Runs of its thread that go before a queued one, those under way included.'),
    workedMs: z.number().nullable().describe('Without the time in which it waited for input.'),
    silentMs: z.number().nullable().describe('How long it has appended nothing.'),
    unsettledBytes: z.int().nullable().describe('What it has emitted and the storage has not settled.'),
  })
  .meta({ id: 'Execution', description: 'What is done with a run at the moment.' });

const RUN_PLACE = z.object({
  runId: z.string(),
  threadId: z.string(),
  agent: z.string(),
  userId: z.string(),
  status: RUN_STATUS,
  attempt: z.int(),
  policy: z.enum(RUN_POLICIES),
  external: z.boolean(),
  node: z.string().nullable().describe('Whose it is, or was; null: nobody’s, as every run is without a cluster.'),
});

const QUEUED_PLACE = RUN_PLACE.extend({
  position: z.int().describe('Its place among the queued runs of its thread: lowest first.'),
});

/** `null`: no node that has answered has it in hand. */
const EXECUTED = { execution: EXECUTION.nullable() };

export const RUN_STATE = RUN_PLACE.extend({
  messageId: z.string().nullable(),
  associated: z.boolean(),
  associationMs: z.int(),
  inputs: z
    .array(
      z.object({
        requestId: z.string(),
        status: z.enum(['open', 'answered', 'expired', 'closed']),
        requestedAt: TIME,
        answeredAt: TIME.optional(),
      }),
    )
    .readonly(),
  createdAt: TIME,
  startedAt: TIME.nullable(),
  endedAt: TIME.nullable(),
  endReason: z.string().nullable(),
  threadDeleted: z.boolean(),
  ...EXECUTED,
  ...NODES,
});

export const THREAD_FACTS = z.object({
  threadId: z.string(),
  epoch: z.string(),
  ownerId: z.string(),
  head: z.int(),
  createdAt: TIME,
  updatedAt: TIME,
  members: z.int().describe('How many, beside the owner.'),
});

export const THREAD_STATE = z.object({
  thread: THREAD_FACTS,
  channels: z.array(CHANNEL.extend(NODE)).readonly().describe('The nodes where somebody follows it.'),
  followers: z.array(FOLLOWING.extend(NODE)).readonly(),
  followersTotal: z.int(),
  cursors: z.array(z.object({ userId: z.string(), seq: z.int(), time: TIME })).readonly(),
  runs: z.array(QUEUED_PLACE.extend(EXECUTED)).readonly().describe('Those that have not ended, in their order.'),
  runsTotal: z.int(),
  latestRuns: z.array(QUEUED_PLACE).readonly().describe('Ended or not, the one made last first.'),
  next: z
    .object({ followersAfter: z.string().nullable(), cursorsAfter: z.string().nullable() })
    .describe('Where the pages go on.'),
  ...NODES,
});

const NODE_DELIVERY = z.object({
  ...NODE,
  startedAt: TIME,
  totals: z.record(z.string(), z.number()).describe('Counters and gauges of delivery, as in `/metrics`.'),
  behind: z.array(FOLLOWING).readonly().describe('Followings that are behind, the longest first.'),
  behindTotal: z.int(),
  lag: z
    .object({
      threads: z.int(),
      followings: z.int(),
      events: z.int().describe('Of the following that lacks most.'),
      since: TIME,
    })
    .nullable()
    .describe('What should have been handed over by now and was not; null: nothing.'),
  ended: z.object({ kept: z.int(), knownSince: TIME }).describe('Ended followings that are remembered.'),
});

export const DELIVERY_STATE = z.object({
  delivery: z.array(NODE_DELIVERY).readonly(),
  channels: z
    .array(CHANNEL.extend({ ...NODE, head: z.int().nullable().describe('Null: the thread is gone.') }))
    .readonly(),
  nextCursor: NEXT_CURSOR,
  ...NODES,
});
