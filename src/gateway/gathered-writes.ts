import type { Socket as TcpSocket } from 'node:net';

import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Clock } from '../clock/index.js';

type Transport = Socket['conn'];

/**
 * Holds back what is sent until the end of this turn of the event loop, so that it leaves in one write. On its way from
 * accepted to ready a connection is told four things in one turn, each of which would be a call of the system, and
 * those are what a connection costs most.
 */
@Injectable()
export class GatheredWrites {
  readonly #transports: Transport['transport'][] = [];
  readonly #sockets: TcpSocket[] = [];
  #waits = false;

  constructor(private readonly clock: Clock) {}

  /** Packets of this connection. A transport that is busy gathers by itself, and polling answers with all there is. */
  hold({ transport }: Transport): void {
    if (!transport.writable || transport.name !== 'websocket') return;
    transport.writable = false;
    this.#transports.push(transport);
    this.#wait();
  }

  /** What is written to a TCP socket. Whoever destroys it in this turn lets go of it first. */
  holdSocket(socket: TcpSocket): void {
    socket.cork();
    this.#sockets.push(socket);
    this.#wait();
  }

  /** Lets go of all, at once. Throws, after that, what a listener of a transport has thrown. */
  release(): void {
    for (const socket of this.#sockets.splice(0)) socket.uncork();
    const transports = this.#transports.splice(0);
    // First of all: one that stays unwritable would never send again, whatever becomes of the others.
    for (const transport of transports) transport.writable = true;
    const failures = transports.flatMap(tellReady);
    if (failures.length > 0) throw new AggregateError(failures, 'A listener on ready failed.', { cause: failures[0] });
  }

  #wait(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.clock.soon(() => {
      this.#waits = false;
      this.release();
    });
  }
}

/** What its listeners threw. */
function tellReady(transport: Transport['transport']): unknown[] {
  try {
    transport.emit('ready');
    return [];
  } catch (error) {
    return [error];
  }
}
