import { Injectable } from '@nestjs/common';

import { LocalPresence, PresentConnection } from '../delivery/index.js';
import type { ThreadId } from '../ids/index.js';
import type { ServerEvents } from '../protocol/index.js';
import type { Connection } from './connection.js';
import { Slot } from './slot.js';

type Transport = Connection['socket']['conn'];

/** What a `thread_activity` takes at most on the wire: two ids of the longest kind, and the rest. */
const ACTIVITY_BYTES = 512;

/** Shows who is there: tells of connections that become ready and that end, and of their heartbeats. */
@Injectable()
export class Attendance {
  readonly #present = new Slot<Transport, ConnectionPresence>();
  /** The same listeners for all: `this` is the transport. */
  readonly #onPacket: (this: Transport, packet: { readonly type: string }) => void;
  readonly #onHeartbeat: (this: Transport) => void;

  constructor(private readonly presence: LocalPresence) {
    const slot = this.#present;
    this.#onPacket = function ({ type }) {
      const present = type === 'ping' ? slot.get(this) : undefined;
      if (present !== undefined) presence.heartbeatSent(present);
    };
    this.#onHeartbeat = function () {
      const present = slot.get(this);
      if (present !== undefined) presence.heartbeatAnswered(present);
    };
  }

  came(connection: Connection): void {
    const present = new ConnectionPresence(connection);
    const { conn } = connection.socket;
    this.#present.set(conn, present);
    this.presence.arrived(present);
    conn.on('packetCreate', this.#onPacket);
    conn.on('heartbeat', this.#onHeartbeat);
  }

  left(connection: Connection): void {
    const present = this.#present.get(connection.socket.conn);
    if (present !== undefined) this.presence.left(present);
  }
}

class ConnectionPresence extends PresentConnection {
  override readonly userId: string;

  constructor(private readonly connection: Connection) {
    super();
    this.userId = connection.outbox.userId;
  }

  override positionIn(threadId: ThreadId): number | null {
    return this.connection.follower.positionIn(threadId);
  }

  override tell(activity: ServerEvents['thread_activity']): boolean {
    const { outbox } = this.connection;
    if (!outbox.hasRoomFor(ACTIVITY_BYTES)) return false;
    outbox.emit('thread_activity', activity);
    return true;
  }
}
