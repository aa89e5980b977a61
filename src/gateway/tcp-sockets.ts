import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';

import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

type Transport = Socket['conn'];

/**
 * The TCP socket under a WebSocket, so that frames can leave in one write. Engine.IO tells it for a connection
 * that began as a WebSocket; of one that was upgraded it is noted here when the upgrade comes in.
 */
@Injectable()
export class TcpSockets {
  readonly #sids = new WeakMap<Transport, string>();
  readonly #upgraded = new Map<string, TcpSocket>();

  /** To be called for every transport when it opens: only then does its first transport tell the session's id. */
  opened(conn: Transport): void {
    this.#sids.set(conn, conn.transport.sid);
  }

  /** To be called for every upgrade that comes in. */
  note({ url }: IncomingMessage, socket: TcpSocket): void {
    const sid = new URLSearchParams(url?.split('?')[1]).get('sid');
    if (sid === null) return;
    this.#upgraded.set(sid, socket);
    socket.once('close', () => {
      if (this.#upgraded.get(sid) === socket) this.#upgraded.delete(sid);
    });
  }

  /** Null: the connection is polling, whose writes are requests of their own. */
  under(conn: Transport): TcpSocket | null {
    if (conn.transport.name !== 'websocket') return null;
    return this.#upgraded.get(this.#sids.get(conn) ?? '') ?? conn.request.socket;
  }
}
