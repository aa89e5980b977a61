import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Clock } from '../clock/index.js';
import { UserPlaces } from '../cluster/index.js';
import { LiveConnections } from '../delivery/index.js';
import { Log } from '../logs/index.js';
import { Metrics } from '../metrics/index.js';
import { Attendance } from './attendance.js';
import type { Connection } from './connection.js';
import type { ConnectionState } from './connection-machine.js';

/** The connections of this process, by what they are looked up by. */
@Injectable()
export class ConnectionRegistry {
  readonly #bySocket = new Map<string, Connection>();
  readonly #log = new Log('Connection');
  #unauthenticated = 0;

  constructor(
    private readonly attendance: Attendance,
    private readonly live: LiveConnections,
    private readonly places: UserPlaces,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.#bySocket.size;
  }

  /** Connections that have no user yet. */
  get unauthenticated(): number {
    return this.#unauthenticated;
  }

  all(): readonly Connection[] {
    return [...this.#bySocket.values()];
  }

  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket.id);
  }

  /** Connections of this user that have a place, here. */
  countOf(userId: string): number {
    return this.places.countOf('connections', userId);
  }

  add(connection: Connection): void {
    this.#bySocket.set(connection.socket.id, connection);
    this.live.add(connection);
    this.#unauthenticated += 1;
    this.#count(connection.state, 1);
    this.#tell(connection, undefined);
  }

  /**
   * Moves a connection on and keeps the counts; one that becomes authenticated has taken its user's place before. False where its state machine has no such step. `why`: for the log, of
   * one that closes.
   */
  move(connection: Connection, next: ConnectionState, why?: string): boolean {
    const before = connection.state;
    if (!connection.enter(next, this.clock.now())) return false;
    this.#tell(connection, before, why);
    const userId = connection.principal?.userId;
    if (before === 'accepted') this.#unauthenticated -= 1;
    if (next === 'ready') this.attendance.came(connection);
    this.#count(before, -1);
    if (next === 'closed') {
      this.#remove(connection, before === 'accepted' ? undefined : userId);
      return true;
    }
    this.#count(next, 1);
    this.live.changed(connection.connectionId);
    return true;
  }

  #tell({ names, state }: Connection, before: ConnectionState | undefined, reason?: string): void {
    if (this.#log.debugs) this.#log.debug(`connection ${state}`, { ...names, before, state, reason });
  }

  #remove(connection: Connection, userId: string | undefined): void {
    this.#bySocket.delete(connection.socket.id);
    this.attendance.left(connection);
    this.live.remove(connection);
    if (userId !== undefined) this.places.leave('connections', userId);
  }

  #count(state: ConnectionState, by: number): void {
    this.metrics.move('threadcast_gateway_connections', { state }, by);
  }
}
