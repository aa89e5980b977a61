import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Clock } from '../clock/index.js';
import { Metrics } from '../metrics/index.js';
import { TcpSockets } from './tcp-sockets.js';

type Transport = Socket['conn'];

/** How long the other side may take to read the rest and to say goodbye. */
const LEAVING_MS = 5_000;

/**
 * The last of a transport. Closing it alone would keep what is unsent until the next ping is missed, and a WebSocket
 * half a minute for a goodbye: whoever reads nothing could have any number of such ends.
 */
@Injectable()
export class TransportEnds {
  readonly #ending = new WeakSet<Transport>();

  constructor(
    private readonly sockets: TcpSockets,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Its connection is over, or about to be: what is unsent may still leave, then it is cut off. */
  expect(conn: Transport): void {
    if (this.#ending.has(conn)) return;
    this.#ending.add(conn);
    if (this.#isOver(conn)) return;
    const timer = this.clock.after(LEAVING_MS, () => {
      if (!this.#isOver(conn)) this.cut(conn, 'not_leaving');
    });
    const over = (): void => timer.cancel();
    const tcp = this.sockets.under(conn);
    if (tcp === null) conn.once('close', over);
    else tcp.once('close', over);
  }

  /** Ends it at once; what is unsent is given up. */
  cut(conn: Transport, reason: 'never_connected' | 'asked_too_often' | 'not_leaving'): void {
    const tcp = this.sockets.under(conn);
    this.metrics.add('threadcast_gateway_cut_transports_total', { reason });
    conn.close(true);
    tcp?.destroy();
  }

  #isOver(conn: Transport): boolean {
    const tcp = this.sockets.under(conn);
    return tcp === null ? conn.readyState === 'closed' : tcp.destroyed;
  }
}
