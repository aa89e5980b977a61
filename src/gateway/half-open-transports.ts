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

  /** It has its connection now, and is counted there. */
  connected(conn: Transport): void {
    this.#waiting.delete(conn);
  }
}
