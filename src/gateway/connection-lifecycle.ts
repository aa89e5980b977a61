import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Clock } from '../clock/index.js';
import { UserPlaces } from '../cluster/index.js';
import { ThreadcastError } from '../errors/index.js';
import { Authenticator, type Principal } from '../identity/index.js';
import { Metrics } from '../metrics/index.js';
import { Lifecycle } from '../startup/index.js';
import type { Connection } from './connection.js';
import { ConnectionCloser } from './connection-closer.js';
import { ConnectionFactory } from './connection-factory.js';
import { ConnectionRegistry } from './connection-registry.js';
import { MAX_RECONNECT_MS } from './drain-steps.js';
import { MAX_TOKEN_CHARACTERS } from './dto/authenticate.dto.js';
import { Failures } from './failures.js';
import { FirstThread } from './first-thread.js';
import { GatewayOptions } from './gateway-options.js';
import { GatheredWrites } from './gathered-writes.js';
import { takeHandshake } from './handshake.js';
import type { IncomingRequest } from './incoming-request.js';

/** A timer of Node that is longer fires at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** What a renewed or first authentication answers. */
export interface Authenticated {
  readonly userId: string;
  readonly expiresAt: number | null;
}

/**
 * Brings a connection from accepted to ready: accept at once, verify whenever a token comes, make the first
 * association, and then open the mailbox.
 */
@Injectable()
export class ConnectionLifecycle {
  constructor(
    private readonly options: GatewayOptions,
    private readonly factory: ConnectionFactory,
    private readonly registry: ConnectionRegistry,
    private readonly authenticator: Authenticator,
    private readonly places: UserPlaces,
    private readonly firstThread: FirstThread,
    private readonly closer: ConnectionCloser,
    private readonly writes: GatheredWrites,
    private readonly failures: Failures,
    private readonly process: Lifecycle,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Accepts the socket, or tells it why not and ends it. */
  accept(socket: Socket): void {
    const refusal = this.#refusal();
    if (refusal !== null) {
      this.closer.refuse(socket, refusal);
      return;
    }
    const handshake = takeHandshake(socket);
    const connection = this.factory.create(socket, handshake);
    const { connectionId, outbox } = connection;
    const { authTimeoutMs } = this.options;
    this.registry.add(connection);
    this.metrics.add('threadcast_gateway_accepted_total', {});
    outbox.emit('connection_accepted', { connectionId, authTimeoutMs });
    // Its transport was open before the drain, and it was not there when all were told.
    if (this.process.phase === 'draining') outbox.emit('server_draining', { reconnectInMs: MAX_RECONNECT_MS });
    connection.setDeadline(
      this.clock.after(authTimeoutMs, () => this.closer.closeForGood(connection, new ThreadcastError('auth_timeout'))),
    );
    const { token } = handshake;
    if (token !== undefined && token !== null && token !== '') void this.#authenticateByHandshake(connection, token);
  }

  /**
   * By request, before ready or after. Rejects with the reason; a failed attempt changes nothing, except that a user
   * with too many connections is told so and then disconnected.
   */
  authenticate(request: IncomingRequest, token: string): Promise<Authenticated> {
    const { connection } = request;
    return connection.attempts.inTurn(async () => {
      const principal = await this.#verify(connection, token);
      if (connection.state === 'accepted') {
        const refusal = await this.#welcome(connection, principal);
        if (refusal !== null) {
          request.afterRefusal(() => this.closer.closeForGood(connection, refusal));
          throw refusal;
        }
        request.afterAnswer(() => void this.#makeReady(connection, principal));
      } else {
        this.#renew(connection, principal);
      }
      return { userId: principal.userId, expiresAt: principal.expiresAt };
    });
  }

  async #authenticateByHandshake(connection: Connection, token: unknown): Promise<void> {
    try {
      const principal = await connection.attempts.inTurn(async () => {
        const verified = await this.#verify(connection, token);
        const refusal = await this.#welcome(connection, verified);
        if (refusal !== null) throw refusal;
        return verified;
      });
      await this.#makeReady(connection, principal);
    } catch (error) {
      if (connection.isClosed) return;
      const refusal = this.failures.toError(error, connection.names);
      if (refusal.entry.status === 401 || refusal.code === 'too_many_connections') {
        this.closer.closeForGood(connection, refusal);
      } else {
        this.closer.closeForRepair(connection, refusal);
      }
    }
  }

  async #verify(connection: Connection, token: unknown): Promise<Principal> {
    if (typeof token !== 'string' || token.length > MAX_TOKEN_CHARACTERS) {
      const message = `The token must be a text of at most ${MAX_TOKEN_CHARACTERS} characters.`;
      throw new ThreadcastError('unauthenticated', { message });
    }
    try {
      const principal = await this.authenticator.authenticate(token);
      if (connection.isClosed) throw new ThreadcastError('auth_timeout');
      this.metrics.add('threadcast_gateway_authentications_total', { outcome: 'ok' });
      return principal;
    } catch (error) {
      const outcome = error instanceof ThreadcastError ? error.code : 'internal';
      this.metrics.add('threadcast_gateway_authentications_total', { outcome });
      throw error;
    }
  }

  /** The connection gets its user; or why it cannot. Rejects where it has closed before it is known whether there is a place. */
  async #welcome(connection: Connection, principal: Principal): Promise<ThreadcastError | null> {
    const { userId } = principal;
    const { maxConnectionsPerUser } = this.options;
    if (!(await this.places.enter('connections', userId, maxConnectionsPerUser))) {
      return new ThreadcastError('too_many_connections', {
        message: `At most ${maxConnectionsPerUser} connections per user.`,
      });
    }
    if (connection.isClosed) {
      this.places.leave('connections', userId);
      throw new ThreadcastError('auth_timeout');
    }
    connection.become(principal);
    this.registry.move(connection, 'authenticated');
    this.metrics.observe('threadcast_gateway_authenticated_seconds', this.#age(connection));
    this.#watchExpiry(connection, principal.expiresAt);
    return null;
  }

  #renew(connection: Connection, principal: Principal): void {
    if (principal.userId !== connection.principal?.userId) {
      throw new ThreadcastError('unauthenticated', {
        message: 'The token is another user’s. Open another connection.',
      });
    }
    connection.become(principal);
    this.#watchExpiry(connection, principal.expiresAt);
  }

  async #makeReady(connection: Connection, { userId, expiresAt }: Principal): Promise<void> {
    const { connectionId, outbox, mailbox } = connection;
    this.writes.hold(connection.socket.conn);
    outbox.emit('connection_authenticated', { connectionId, userId, expiresAt });
    const first = await this.firstThread.prepare(connection);
    if (!this.registry.move(connection, 'ready')) {
      first?.abort();
      mailbox.open();
      return;
    }
    const followed = this.firstThread.commit(connection, first);
    const threadId = followed?.threadId ?? null;
    outbox.emit('connection_ready', { connectionId, userId, threadId, heldRequests: mailbox.size });
    this.metrics.add('threadcast_gateway_connection_attempts_total', { outcome: 'ready' });
    this.metrics.observe('threadcast_gateway_ready_seconds', this.#age(connection));
    if (followed !== null) {
      const { head, epoch } = followed;
      outbox.emit('thread_switched', { threadId: followed.threadId, previousThreadId: null, head, epoch });
      followed.start();
    }
    mailbox.open();
  }

  /** In seconds. */
  #age({ openedAt }: Connection): number {
    return (this.clock.monotonic() - openedAt) / 1_000;
  }

  /** Looks at the time again when the timer fires: a timer may be early, and none is longer than 24 days. */
  #watchExpiry(connection: Connection, expiresAt: number | null): void {
    if (expiresAt === null) {
      connection.setDeadline(null);
      return;
    }
    const expire = (): void => {
      if (this.clock.now() < expiresAt) this.#watchExpiry(connection, expiresAt);
      else this.closer.closeForGood(connection, new ThreadcastError('token_expired'));
    };
    const leftMs = Math.max(0, expiresAt - this.clock.now());
    connection.setDeadline(this.clock.after(Math.min(leftMs, LONGEST_TIMER_MS), expire));
  }

  #refusal(): ThreadcastError | null {
    const { maxConnections, maxUnauthenticatedConnections } = this.options;
    if (this.registry.size >= maxConnections) {
      return new ThreadcastError('too_many_connections', { message: `At most ${maxConnections} connections here.` });
    }
    if (this.registry.unauthenticated < maxUnauthenticatedConnections) return null;
    return new ThreadcastError('too_many_connections', { message: 'Too many connections wait to authenticate.' });
  }
}
