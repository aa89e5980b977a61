import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Metrics } from '../metrics/index.js';
import { GatewayOptions } from './gateway-options.js';
import { TransportEnds } from './transport-ends.js';

type Transport = Socket['conn'];

/** So often a transport may ask for a connection. It gets one: the others are namespaces that do not exist. */
const MAX_ASKED = 5;

/** What asking begins with, among Socket.IO's packets. */
const CONNECT = '0';

/**
 * Transports that are open and have not asked for their connection yet. Bounded like the connections that have not
 * shown a token: the one that has waited longest makes room for a new one, so that idlers keep nobody out.
 */
@Injectable()
export class HalfOpenTransports {
  readonly #waiting = new Set<Transport>();
  readonly #served = new WeakSet<Transport>();

  constructor(
    private readonly options: GatewayOptions,
    private readonly ends: TransportEnds,
    private readonly metrics: Metrics,
  ) {}

  get size(): number {
    return this.#waiting.size;
  }

  opened(conn: Transport): void {
    this.#waiting.add(conn);
    this.#count(1);
    conn.once('close', () => this.#leave(conn));
    this.#watchAsking(conn);
    const [oldest] = this.#waiting;
    if (this.#waiting.size <= this.options.maxUnauthenticatedConnections || oldest === undefined) return;
    this.#end(oldest, 'never_connected');
  }

  /**
   * It asks for its connection, which is counted from now on. False: it has had one. Nothing of a connection that is
   * over may hold on to a transport, and no transport gets around the limits by asking often.
   */
  connected(conn: Transport): boolean {
    this.#leave(conn);
    if (this.#served.has(conn)) return false;
    this.#served.add(conn);
    return true;
  }

  /** Socket.IO answers each question for a namespace that does not exist, for as long as one asks. */
  #watchAsking(conn: Transport): void {
    let asked = 0;
    conn.on('data', (packet: unknown) => {
      if (typeof packet !== 'string' || !packet.startsWith(CONNECT)) return;
      asked += 1;
      if (asked === MAX_ASKED + 1) this.#end(conn, 'asked_too_often');
    });
  }

  #end(conn: Transport, reason: 'never_connected' | 'asked_too_often'): void {
    if (this.#leave(conn)) {
      this.metrics.add('threadcast_gateway_closed_total', { reason });
      this.metrics.add('threadcast_gateway_connection_attempts_total', { outcome: reason });
    }
    this.ends.cut(conn, reason);
  }

  /** False: it was not waiting. */
  #leave(conn: Transport): boolean {
    const waited = this.#waiting.delete(conn);
    if (waited) this.#count(-1);
    return waited;
  }

  #count(by: number): void {
    this.metrics.move('threadcast_gateway_half_open_transports', {}, by);
  }
}
