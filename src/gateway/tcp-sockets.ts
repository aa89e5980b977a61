import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';

import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Slot } from './slot.js';

type Transport = Socket['conn'];

/**
 * The TCP socket under a WebSocket, so that frames can leave in one write. Engine.IO tells it for a connection
 * that began as a WebSocket; of one that was upgraded it is noted here when the upgrade comes in.
 */
@Injectable()
export class TcpSockets {
  readonly #under = new Slot<Transport, TcpSocket>();
  readonly #upgrading = new Map<string, TcpSocket>();

  /**
   * To be called for every transport when it opens: only then does it tell the session's id, and later on its request
   * is forgotten.
   */
  opened(conn: Transport): void {
    const { name, sid } = conn.transport;
    if (name === 'websocket') this.#under.set(conn, conn.request.socket);
    else conn.once('upgrade', () => this.#upgraded(conn, sid));
  }

  /** To be called for every upgrade that comes in. */
  note({ url }: IncomingMessage, socket: TcpSocket): void {
    const sid = new URLSearchParams(url?.split('?')[1]).get('sid');
    if (sid === null) return;
    this.#upgrading.set(sid, socket);
    socket.once('close', () => {
      if (this.#upgrading.get(sid) === socket) this.#upgrading.delete(sid);
    });
  }

  /** Null: the connection is polling, whose writes are requests of their own. */
  under(conn: Transport): TcpSocket | null {
    if (conn.transport.name !== 'websocket') return null;
    return this.#under.get(conn) ?? null;
  }

  #upgraded(conn: Transport, sid: string): void {
    const socket = this.#upgrading.get(sid);
    if (socket !== undefined) this.#under.set(conn, socket);
  }
}
