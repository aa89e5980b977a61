import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';

import type { INestApplicationContext } from '@nestjs/common';
import { AbstractWsAdapter } from '@nestjs/websockets';
import { Server, type Namespace, type Socket } from 'socket.io';

import { ClusterSockets } from '../cluster/index.js';
import { ThreadcastError } from '../errors/index.js';
import { Metrics } from '../metrics/index.js';
import { answerSocket, SOCKET_PATH } from '../startup/index.js';
import { GatewayOptions } from './gateway-options.js';
import { GatheredWrites } from './gathered-writes.js';
import { HalfOpenTransports } from './half-open-transports.js';
import { isOriginLetIn } from './origin.js';
import { Outbox } from './outbox.js';
import { RequestHandlers } from './request-handlers.js';
import { TcpSockets } from './tcp-sockets.js';

/** Of a packet, what is not its request. */
const PACKET_OVERHEAD_BYTES = 1_024;

const FOREIGN = 'This origin may not connect.';

/** Why Engine.IO refuses a request for a transport, by its number for it. */
const REFUSALS = [
  ...(['unknown_transport', 'unknown_session', 'bad_method', 'bad_request', 'forbidden'] as const),
  'unsupported_protocol' as const,
];

interface GatewayMetadata {
  readonly namespace?: string;
  readonly server?: Server;
}

/**
 * Socket.IO as this server needs it. Handlers are not run by the socket's events, concurrently, as Nest's own
 * adapter does: the connection's mailbox runs them one after the other.
 */
export class SocketAdapter extends AbstractWsAdapter {
  readonly #options: GatewayOptions;
  readonly #handlers: RequestHandlers;
  readonly #halfOpen: HalfOpenTransports;
  readonly #sockets: TcpSockets;
  readonly #writes: GatheredWrites;
  readonly #cluster: ClusterSockets;
  readonly #metrics: Metrics;
  readonly #told = new WeakSet<Server>();
  #tellsOfEnds = false;

  constructor(app: INestApplicationContext) {
    super(app);
    this.#options = app.get(GatewayOptions);
    this.#handlers = app.get(RequestHandlers);
    this.#halfOpen = app.get(HalfOpenTransports);
    this.#sockets = app.get(TcpSockets);
    this.#writes = app.get(GatheredWrites);
    this.#cluster = app.get(ClusterSockets);
    this.#metrics = app.get(Metrics);
  }

  override create(_port: number, { namespace, server }: GatewayMetadata = {}): Server | Namespace {
    const created = server ?? this.#createServer();
    return namespace === undefined ? created : created.of(namespace);
  }

  /**
   * Nest calls this for each gateway, with a callback that tells all gateways of the same server of a socket, and drops
   * every repetition: one is enough.
   */
  override bindClientConnect(server: Server, tell: (socket: Socket) => void): void {
    if (this.#told.has(server)) return;
    this.#told.add(server);
    this.#tellsOfEnds = this.#handlers.hearOfEnds();
    super.bindClientConnect(server, tell);
  }

  override bindClientDisconnect(socket: Socket, tell: (reason: string) => void): void {
    if (this.#tellsOfEnds) super.bindClientDisconnect(socket as never, tell);
  }

  override bindMessageHandlers(): void {
    // To no socket: see `RequestHandlers`.
  }

  #createServer(): Server {
    const { corsOrigins, maxMessageBytes, authTimeoutMs, heartbeatMs, heartbeatTimeoutMs } = this.#options;
    const { adapter } = this.#cluster;
    const httpServer = this.httpServer as HttpServer;
    httpServer.on('upgrade', (request: IncomingMessage, socket: TcpSocket) => this.#sockets.note(request, socket));
    const server = new Server(httpServer, {
      path: SOCKET_PATH,
      serveClient: false,
      maxHttpBufferSize: maxMessageBytes * 4 + PACKET_OVERHEAD_BYTES,
      connectTimeout: authTimeoutMs,
      pingInterval: heartbeatMs,
      pingTimeout: heartbeatTimeoutMs,
      perMessageDeflate: false,
      ...(adapter !== null && { adapter }),
      ...(corsOrigins.length > 0 && { cors: { origin: corsOrigins.includes('*') ? '*' : [...corsOrigins] } }),
      allowRequest: (request, decide) => this.#checkOrigin(request, decide),
    });
    server.engine.on('connection_error', ({ code }: { code: number }) => {
      this.#writes.release();
      this.#refused(REFUSALS[code] ?? 'bad_request');
    });
    Outbox.watch(server.engine, this.#sockets);
    server.engine.on('connection', (conn: Socket['conn']) => {
      this.#sockets.opened(conn);
      this.#halfOpen.opened(conn);
    });
    return server;
  }

  /** Browsers send an origin with a WebSocket and let any page open one: it is checked here. */
  #checkOrigin(request: IncomingMessage, decide: (refusal: string | null, allowed: boolean) => void): void {
    if (isOriginLetIn(request.headers, this.#options.corsOrigins)) {
      // The answer to the upgrade and the first packet.
      if (request.headers.upgrade !== undefined) this.#writes.holdSocket(request.socket);
      decide(null, true);
    } else if (request.headers.upgrade === undefined) decide(FOREIGN, false);
    else {
      // Engine.IO would answer an upgrade with a page.
      this.#refused('forbidden');
      answerSocket(request.socket, new ThreadcastError('forbidden', { message: FOREIGN }));
    }
  }

  #refused(reason: (typeof REFUSALS)[number]): void {
    this.#metrics.add('threadcast_gateway_refused_handshakes_total', { reason });
  }
}
