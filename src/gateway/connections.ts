import { WebSocketGateway, type OnGatewayInit } from '@nestjs/websockets';
import type { DefaultEventsMap, Server } from 'socket.io';

import { Clock } from '../clock/index.js';
import { Bus, ClusterSockets } from '../cluster/index.js';
import { ThreadcastError } from '../errors/index.js';
import { Log } from '../logs/index.js';
import { Metrics } from '../metrics/index.js';
import { withDeadline } from '../startup/index.js';
import { ConnectionCloser } from './connection-closer.js';
import { ConnectionRegistry } from './connection-registry.js';

/** The adapter gives up on a node after five seconds, and tells what the others have answered. */
const ANSWERS_MS = 6_000;

/** What a node has closed. */
interface ClosedThere {
  readonly node: string;
  readonly closed: number;
}

/** What the servers of all nodes say to each other, by `serverSideEmit`. */
interface BetweenServers {
  disconnect_user: (userId: string, answer: (closed: ClosedThere) => void) => void;
}

type SocketServer = Server<DefaultEventsMap, DefaultEventsMap, BetweenServers>;

/** What has become of the connections of a user. */
export interface DisconnectedUser {
  /** How many were closed, on this node and on those that have answered. */
  readonly closed: number;
  /** Whether all nodes have answered. False: some of the user's connections may go on; ask again, or let the token expire. */
  readonly isComplete: boolean;
  /** Nodes that are taken to live and have not answered. Empty although not complete: Redis is away, and others are not known. */
  readonly silentNodes: readonly string[];
}

/** The Socket.IO connections of all nodes, for what an application does with them. */
@WebSocketGateway()
export class Connections implements OnGatewayInit<SocketServer> {
  readonly #log = new Log('Connection');
  #server: SocketServer | null = null;

  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly closer: ConnectionCloser,
    private readonly bus: Bus,
    private readonly sockets: ClusterSockets,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Called by Nest. */
  afterInit(server: SocketServer): void {
    this.#server = server;
    server.on('disconnect_user', (userId, answer) => {
      answer({ node: this.bus.nodeId, closed: this.#disconnectHere(userId) });
    });
  }

  /**
   * Closes all connections of this user, on all nodes, for good: each is told `exception` with the code `forbidden` and
   * `reconnect: false`, requests of it that wait are answered so, and a stock client does not come back by itself. Runs
   * go on, and event streams over HTTP too.
   *
   * It is no ban: who still has a valid token may connect again, so take that away first. A connection that is being
   * authenticated in that moment may be missed.
   *
   * Never rejects, and takes six seconds at most; without an answer of some node, those here are closed all the same.
   */
  async disconnectUser(userId: string): Promise<DisconnectedUser> {
    const others = this.bus.nodes().flatMap(({ nodeId }) => (nodeId === this.bus.nodeId ? [] : [nodeId]));
    const isReachable = this.sockets.isJoined && this.bus.state === 'joined';
    const here = this.#disconnectHere(userId);
    const there = this.bus.isShared ? await this.#disconnectThere(userId) : [];
    const answered = new Set(there.map(({ node }) => node));
    const silentNodes = others.filter((node) => !answered.has(node));
    const isComplete = isReachable && silentNodes.length === 0;
    const closed = there.reduce((sum, one) => sum + one.closed, here);
    const outcome = isComplete ? 'complete' : 'incomplete';
    this.metrics.add('threadcast_gateway_user_disconnects_total', { outcome });
    if (!isComplete)
      this.#log.warn('Not all connections of a user are known to be closed.', {
        userId,
        silentNodes: silentNodes.join(' '),
      });
    return { closed, isComplete, silentNodes };
  }

  #disconnectHere(userId: string): number {
    const own = this.registry.all().filter((connection) => connection.userId === userId);
    for (const connection of own) {
      const message = 'The application has closed the connections of this user.';
      this.closer.closeForGood(connection, new ThreadcastError('forbidden', { message }));
    }
    return own.length;
  }

  /** The answers that came. */
  async #disconnectThere(userId: string): Promise<readonly ClosedThere[]> {
    const server = this.#server;
    // Before the application is initialised: no other node can be reached yet.
    if (server === null) return [];
    const asked = (): Promise<readonly ClosedThere[]> =>
      new Promise((resolve) => {
        // With an error too come the answers that there are.
        server.serverSideEmit('disconnect_user', userId, (_error: Error | null, answers: readonly ClosedThere[]) => {
          resolve(answers);
        });
      });
    return withDeadline(this.clock, ANSWERS_MS, asked).catch(() => []);
  }
}
