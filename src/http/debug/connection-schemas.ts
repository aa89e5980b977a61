import { z } from 'zod';

import { ROLES } from '../../identity/index.js';
import { FOLLOWING, NEXT_CURSOR, NODE, NODES, TIME } from './following-schemas.js';

export const CONNECTION_STATES = ['accepted', 'authenticated', 'ready'] as const;

const CONNECTION = {
  ...NODE,
  connectionId: z.string(),
  state: z.enum(CONNECTION_STATES),
  userId: z.string().nullable().describe('Null until it has authenticated.'),
  roles: z.array(z.enum(ROLES)).readonly(),
  transport: z.string().describe('`websocket` or `polling`.'),
  frames: z.enum(['single', 'batch']),
  acceptedAt: TIME,
  authenticatedAt: TIME.nullable(),
  readyAt: TIME.nullable(),
  tokenExpiresAt: TIME.nullable(),
  activeThreadId: z.string().nullable(),
  followedThreads: z.int(),
  unsentBytes: z.int().describe('Handed to the transport and not flushed.'),
  flushedAt: TIME.nullable(),
  requests: z.object({
    held: z.int().describe('Waiting for their turn, or for the connection to become ready.'),
    inHand: z.int().describe('Being processed.'),
    oldestMs: z.number().nullable().describe('How long the oldest of both has been here.'),
  }),
};

export const CONNECTION_PAGE = z.object({
  connections: z.array(z.object(CONNECTION).meta({ id: 'Connection' })).readonly(),
  nextCursor: NEXT_CURSOR,
  ...NODES,
});

const ENDED = { ended: z.array(FOLLOWING).readonly().describe('The last followings that it had.') };

const OPEN_CONNECTION = z.object({
  ...CONNECTION,
  threads: z.array(FOLLOWING.extend({ active: z.boolean(), subscribed: z.boolean() })).readonly(),
  ...ENDED,
});

const CLOSED_CONNECTION = z.object({
  ...NODE,
  connectionId: z.string(),
  state: z.literal('closed'),
  userId: z.string(),
  ...ENDED,
});

export const CONNECTION_RECORD = z.union([OPEN_CONNECTION, CLOSED_CONNECTION]);
