import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Metrics } from '../metrics/index.js';
import { GatewayOptions } from './gateway-options.js';

type Transport = Socket['conn'];

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
    private readonly metrics: Metrics,
  ) {}

  get size(): number {
    return this.#waiting.size;
  }

  opened(conn: Transport): void {
    this.#waiting.add(conn);
    conn.once('close', () => this.#waiting.delete(conn));
    const [oldest] = this.#waiting;
    if (this.#waiting.size <= this.options.maxUnauthenticatedConnections || oldest === undefined) return;
    this.#waiting.delete(oldest);
    this.metrics.add('threadcast_gateway_closed_total', { reason: 'never_connected' });
    oldest.close();
  }

  /**
   * It asks for its connection, which is counted from now on. False: it has had one. Nothing of a connection that is
   * over may hold on to a transport, and no transport gets around the limits by asking often.
   */
  connected(conn: Transport): boolean {
    this.#waiting.delete(conn);
    if (this.#served.has(conn)) return false;
    this.#served.add(conn);
    return true;
  }
}
