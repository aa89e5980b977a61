import type { Socket } from 'socket.io';
import { z } from 'zod';

import { SocketServer } from './socket-server.js';

/** What a client may say in `auth` when it connects: the names that are read, and what is taken. */
export const HANDSHAKE_AUTH = z
  .object({
    token: z.string().optional().describe('A JWT. Without it, `authenticate` has to come in time.'),
    threadId: z.string().optional().describe('The first active thread, as by `switch_thread`.'),
    after: z.int().min(0).optional().describe('The last seq that was seen of it.'),
    epoch: z.string().max(64).optional().describe('The log that `after` belongs to.'),
    frames: z.enum(['single', 'batch']).optional().describe('`batch`: events of threads come as `events`, in arrays.'),
  })
  .meta({ id: 'Handshake', description: 'What a client may say in `auth` when it connects.' });

type HandshakeField = keyof z.infer<typeof HANDSHAKE_AUTH>;

/** What a client may say when it connects, as it came: nothing of it has been looked at. */
export interface Handshake {
  readonly token: unknown;
  readonly frames: unknown;
  /** The first thread and the position on it, in whatever spelling; null: none is named. */
  readonly first: FirstThreadNamed | null;
}

export type FirstThreadNamed = Readonly<
  Record<Extract<HandshakeField, 'threadId' | 'after' | 'epoch'> | 'thread_id', unknown>
>;

/** What is left of a handshake on every socket. */
const NOTHING = Object.freeze({});
const FORGOTTEN: Readonly<Socket['handshake']> = Object.freeze({
  ...{ headers: NOTHING, query: NOTHING, auth: NOTHING, url: '', address: '' },
  ...{ time: '', issued: 0, secure: false, xdomain: false },
});

/**
 * Reads the handshake, once: the socket forgets it and the request that it came in, so that no token, cookie or address
 * with a secret in it stays in memory for a connection's life. It would also be a fifth of what a connection takes.
 * Where others may read it later, it stays: see `SocketServer`.
 */
export function takeHandshake(socket: Socket): Handshake {
  const { token, frames, threadId, thread_id, after, epoch } = socket.handshake.auth as Readonly<
    Record<HandshakeField | 'thread_id', unknown>
  >;
  const { server } = socket.nsp;
  if (server instanceof SocketServer && server.forgetsHandshakes) {
    Object.assign(socket, { handshake: FORGOTTEN });
    Object.assign(socket.conn, { request: undefined });
  }
  const named = threadId !== undefined || thread_id !== undefined;
  return { token, frames, first: named ? { threadId, thread_id, after, epoch } : null };
}
