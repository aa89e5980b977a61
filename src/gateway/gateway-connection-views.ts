import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import {
  ConnectionViews,
  type ConnectionDetails,
  type ConnectionQuery,
  type ConnectionView,
  type Following,
} from '../delivery/index.js';
import type { ConnectionId } from '../ids/index.js';
import type { Connection } from './connection.js';
import { ConnectionRegistry } from './connection-registry.js';

/** Shows the Socket.IO connections of this process. */
@Injectable()
export class GatewayConnectionViews extends ConnectionViews {
  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly clock: Clock,
  ) {
    super();
  }

  override page({ userId, threadId, state, after, limit }: ConnectionQuery): readonly ConnectionView[] {
    return this.registry
      .all()
      .filter((connection) => userId === undefined || connection.principal?.userId === userId)
      .filter((connection) => threadId === undefined || connection.follower.follows(threadId))
      .filter((connection) => state === undefined || connection.state === state)
      .filter(({ connectionId }) => after === undefined || connectionId > after)
      .sort((one, other) => (one.connectionId < other.connectionId ? -1 : 1))
      .slice(0, limit)
      .flatMap((connection) => this.#view(connection) ?? []);
  }

  override find(connectionId: ConnectionId): ConnectionDetails | null {
    const connection = this.registry.all().find((candidate) => candidate.connectionId === connectionId);
    const view = connection === undefined ? null : this.#view(connection);
    if (connection === undefined || view === null) return null;
    return { ...view, threads: [...connection.follower.followings].map(threadOf) };
  }

  /** Null: it has closed. */
  #view(connection: Connection): ConnectionView | null {
    const { connectionId, state, principal, acceptedAt, outbox, follower } = connection;
    if (state === 'closed') return null;
    return {
      connectionId,
      state,
      userId: principal?.userId ?? null,
      roles: [...(principal?.roles ?? [])],
      transport: connection.socket.conn.transport.name,
      frames: outbox.mode,
      acceptedAt,
      authenticatedAt: connection.enteredAt('authenticated'),
      readyAt: connection.enteredAt('ready'),
      tokenExpiresAt: principal?.expiresAt ?? null,
      activeThreadId: follower.activeThreadId,
      followedThreads: [...follower.followings].length,
      unsentBytes: outbox.unsent,
      flushedAt: outbox.flushedAt,
      requests: this.#requests(connection),
    };
  }

  #requests({ mailbox, inHand }: Connection): ConnectionView['requests'] {
    const letters = [...inHand, ...(mailbox.oldest === undefined ? [] : [mailbox.oldest])];
    const oldest = letters.reduce((receivedAt, letter) => Math.min(receivedAt, letter.receivedAt), Infinity);
    const oldestMs = letters.length === 0 ? null : Math.round(this.clock.monotonic() - oldest);
    return { held: mailbox.size, inHand: inHand.size, oldestMs };
  }
}

function threadOf({ attachment, active, subscribed }: Following): ConnectionDetails['threads'][number] {
  return { ...attachment.view(), active, subscribed };
}
