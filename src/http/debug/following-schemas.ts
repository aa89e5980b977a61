import { z } from 'zod';

/** Unix ms. */
export const TIME = z.int().describe('Unix ms.');

/** Whose it is. */
export const NODE = { node: z.string().describe('Where it is.') };

/** What every answer says of the nodes that were asked. */
export const NODES = {
  nodes: z.array(z.string()).readonly().describe('Those that have answered.'),
  missingNodes: z.array(z.string()).readonly().describe('Those that have not.'),
};

export const NEXT_CURSOR = z.string().nullable().describe('Null on the last page.');

export const FOLLOWING = z
  .object({
    threadId: z.string(),
    epoch: z.string(),
    connectionId: z.string().describe('`stream_…` for an event stream over HTTP.'),
    userId: z.string(),
    state: z.enum(['placed', 'replaying', 'live', 'behind', 'closed']),
    stateSince: TIME,
    waitsForConnection: z.boolean().describe('It reads on when the connection takes more.'),
    openedAt: TIME,
    from: z.int().describe('What comes after this seq is sent.'),
    resumed: z.boolean().describe('The client has named that position; else it was the head.'),
    position: z.int().describe('The last seq that was handed to the connection.'),
    flushedThrough: z.int().describe('Up to here all has certainly left this process.'),
    flushedAt: TIME.nullable(),
    acknowledged: z.int().nullable().describe('What its client has acknowledged in this following.'),
    acknowledgedAt: TIME.nullable(),
    closedAt: TIME.nullable(),
    closedBy: z
      .enum(['released', 'switched', 'repositioned', 'connection_closed', 'deleted', 'access_removed'])
      .nullable(),
  })
  .meta({ id: 'Following', description: 'One following: positions and times, never content.' });

export const CHANNEL = z.object({
  threadId: z.string(),
  epoch: z.string().nullable().describe('Null: its log was not read yet.'),
  cursor: z.int().describe('The last seq that this process has heard of.'),
  reached: z.int().describe('How far everybody here who is live has got.'),
  followers: z
    .object({ placed: z.int(), replaying: z.int(), live: z.int(), behind: z.int() })
    .describe('How many follow it, by state.'),
});
