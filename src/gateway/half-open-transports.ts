import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Metrics } from '../metrics/index.js';
import { GatewayOptions } from './gateway-options.js';
import { GatheredWrites } from './gathered-writes.js';
import { Slot } from './slot.js';
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
  readonly #served = new Slot<Transport, boolean>();
  readonly #asked = new Slot<Transport, number>();
  /** The same listeners for all: `this` is the transport. */
  readonly #onClose: (this: Transport) => void;
  readonly #onData: (this: Transport, packet: unknown) => void;

  constructor(
    private readonly options: GatewayOptions,
    private readonly ends: TransportEnds,
    private readonly writes: GatheredWrites,
    private readonly metrics: Metrics,
  ) {
    const left = (conn: Transport): boolean => this.#leave(conn);
    const sent = (conn: Transport, packet: unknown): void => this.#sent(conn, packet);
    this.#onClose = function () {
      left(this);
    };
    this.#onData = function (packet) {
      sent(this, packet);
    };
  }

  get size(): number {
    return this.#waiting.size;
  }

  opened(conn: Transport): void {
    this.#waiting.add(conn);
    this.#count(1);
    conn.on('close', this.#onClose);
    conn.on('data', this.#onData);
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
    if (this.#served.get(conn) === true) return false;
    this.#served.set(conn, true);
    return true;
  }

  /** Socket.IO answers each question for a namespace that does not exist, for as long as one asks. */
  #sent(conn: Transport, packet: unknown): void {
    if (typeof packet !== 'string' || !packet.startsWith(CONNECT)) return;
    const asked = (this.#asked.get(conn) ?? 0) + 1;
    this.#asked.set(conn, asked);
    if (asked === 1) this.writes.hold(conn);
    if (asked === MAX_ASKED + 1) this.#end(conn, 'asked_too_often');
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
    if (!waited) return false;
    conn.removeListener('close', this.#onClose);
    this.#count(-1);
    return true;
  }

  #count(by: number): void {
    this.metrics.move('threadcast_gateway_half_open_transports', {}, by);
  }
}
