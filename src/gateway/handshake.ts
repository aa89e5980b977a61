import type { Socket } from 'socket.io';

/** What a client may say when it connects, as it came: nothing of it has been looked at. */
export interface Handshake {
  readonly token: unknown;
  readonly frames: unknown;
  /** The first thread and the position on it, in whatever spelling. */
  readonly first: FirstThreadNamed;
}

export type FirstThreadNamed = Readonly<Record<'threadId' | 'thread_id' | 'after' | 'epoch', unknown>>;

/** Reads the handshake, once: the socket forgets it, so that no token stays in memory for a connection's life. */
export function takeHandshake(socket: Socket): Handshake {
  const { token, frames, threadId, thread_id, after, epoch } = socket.handshake.auth as Record<string, unknown>;
  socket.handshake.auth = {};
  return { token, frames, first: { threadId, thread_id, after, epoch } };
}
