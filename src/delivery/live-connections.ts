import { Injectable } from '@nestjs/common';

import type { ConnectionId } from '../ids/index.js';
import { ClosedConnections } from './closed-connections.js';
import type { Follower } from './follower.js';

/** An open connection as rooms beside the gateway may know it: whose it is and what it follows, never its socket. */
export interface LiveConnection {
  readonly connectionId: ConnectionId;
  /** Null until it has authenticated. */
  readonly userId: string | null;
  readonly follower: Pick<Follower, 'follows'>;
  readonly isClosed: boolean;
}

/**
 * The open connections of this process. Their keeper adds, removes and tells of changes; nothing here expires, and
 * nobody has to look again by time: who waits for something of a connection is called at each change of it.
 */
@Injectable()
export class LiveConnections {
  readonly #connections = new Map<ConnectionId, LiveConnection>();
  readonly #watchers = new Map<ConnectionId, Set<() => void>>();

  constructor(private readonly closed: ClosedConnections) {}

  /** Null: it is not open here, or never was. */
  find(connectionId: ConnectionId): LiveConnection | null {
    return this.#connections.get(connectionId) ?? null;
  }

  /** It was this user's and has closed a short while ago. */
  hasClosed(connectionId: ConnectionId, userId: string): boolean {
    return this.closed.has(connectionId, userId);
  }

  add(connection: LiveConnection): void {
    this.#connections.set(connection.connectionId, connection);
  }

  /** It has closed; who watches it is told. */
  remove({ connectionId, userId }: LiveConnection): void {
    if (!this.#connections.delete(connectionId)) return;
    if (userId !== null) this.closed.add(connectionId, userId);
    this.changed(connectionId);
  }

  /** It has got its user, or follows a thread that it did not follow before. */
  changed(connectionId: ConnectionId): void {
    for (const onChange of [...(this.#watchers.get(connectionId) ?? [])]) onChange();
  }

  /**
   * Calls `onChange` at every change of this connection and at its end, in the turn in which that happens. It must not
   * throw. Gives back what stops it.
   */
  watch(connectionId: ConnectionId, onChange: () => void): () => void {
    const watchers = this.#watchers.get(connectionId) ?? new Set();
    this.#watchers.set(connectionId, watchers.add(onChange));
    return () => {
      if (watchers.delete(onChange) && watchers.size === 0) this.#watchers.delete(connectionId);
    };
  }
}
