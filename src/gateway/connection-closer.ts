import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import type { ThreadcastError } from '../errors/index.js';
import { Metrics } from '../metrics/index.js';
import type { ServerEvents } from '../protocol/index.js';
import type { Connection } from './connection.js';
import type { ConnectionState } from './connection-machine.js';
import { ConnectionRegistry } from './connection-registry.js';
import { TransportEnds } from './transport-ends.js';

/**
 * Ends connections, of three kinds: for good (a stock client does not come back by itself), for repair (it does),
 * and by the client's own leaving. Whatever waits is answered, processed or counted.
 */
@Injectable()
export class ConnectionCloser {
  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly metrics: Metrics,
    private readonly ends: TransportEnds,
  ) {}

  /** Says why a socket is not accepted at all, and ends it for good. */
  refuse(socket: Socket, error: ThreadcastError): void {
    this.#count(error.code, 'accepted');
    const exception: ServerEvents['exception'] = { error: error.toWire(), reconnect: false };
    socket.emit('exception', exception);
    socket.disconnect(true);
    this.ends.expect(socket.conn);
  }

  /** A transport has one connection in its life: asking for another one ends it, and a stock client comes back. */
  endTransport(socket: Socket): void {
    this.#count('second_connection', 'accepted');
    socket.conn.close();
    this.ends.expect(socket.conn);
  }

  /**
   * Answers what waits with the reason, says it, and disconnects: reconnecting would change nothing. Without a user,
   * what is being processed (an attempt to authenticate) is answered too. A request of a known user is not: it may
   * be stored in this moment, and a refusal would say that it changes nothing.
   */
  closeForGood(connection: Connection, error: ThreadcastError): void {
    if (!this.#begin(connection, error)) return;
    const inHand = connection.principal === null ? [...connection.inHand] : [];
    for (const request of inHand) request.fail(error.toWire());
    for (const request of connection.mailbox.takeAll()) request.fail(error.toWire());
    connection.outbox.emit('exception', { error: error.toWire(), reconnect: false });
    connection.socket.disconnect(true);
  }

  /** Ends the transport, so that a stock client reconnects by itself and goes on at its cursor. */
  closeForRepair(connection: Connection, error: ThreadcastError): void {
    if (!this.#begin(connection, error)) return;
    for (const request of connection.mailbox.takeAll()) request.fail(error.toWire());
    connection.outbox.emit('exception', { error: error.toWire(), reconnect: true });
    connection.socket.conn.close();
    this.ends.expect(connection.socket.conn);
  }

  /**
   * The socket is gone. Requests of a known user that wait are still processed; the others have nobody to be
   * processed for.
   */
  left(connection: Connection, reason: string): void {
    const known = connection.principal !== null;
    const before = connection.state;
    if (this.registry.move(connection, 'closed', reason)) this.#count(leaveReason(reason, known), before);
    connection.follower.close();
    connection.outbox.release();
    // A stock client that leaves closes its transport by itself; one that stays open without a connection is ended too.
    this.ends.expect(connection.socket.conn);
    if (known) return;
    for (const request of connection.mailbox.takeAll()) {
      request.drop();
      this.metrics.add('threadcast_gateway_dropped_requests_total', { reason: 'unauthenticated' });
    }
  }

  #begin(connection: Connection, error: ThreadcastError): boolean {
    const before = connection.state;
    if (!this.registry.move(connection, 'closed', error.code)) return false;
    this.#count(error.code, before);
    connection.follower.close();
    return true;
  }

  /** `before`: the state that it ended in. */
  #count(reason: string, before: ConnectionState): void {
    this.metrics.add('threadcast_gateway_closed_total', { reason });
    if (before === 'ready') return;
    this.metrics.add('threadcast_gateway_connection_attempts_total', { outcome: reason });
  }
}

/** Of the socket's many words for its end, who ended it: the client, the silence, the line, or this process. */
function leaveReason(reason: string, known: boolean): string {
  switch (reason) {
    case 'client namespace disconnect':
    case 'transport close':
      return known ? 'client' : 'client_unauthenticated';
    case 'ping timeout':
      return 'ping_timeout';
    case 'transport error':
    case 'parse error':
      return 'transport_error';
    default:
      return 'server';
  }
}
