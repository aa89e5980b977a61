import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';

import type { INestApplicationContext, WsMessageHandler } from '@nestjs/common';
import { AbstractWsAdapter } from '@nestjs/websockets';
import { Server, type Namespace, type Socket } from 'socket.io';

import { SOCKET_PATH } from '../startup/index.js';
import { GatewayOptions } from './gateway-options.js';
import { HalfOpenTransports } from './half-open-transports.js';
import { RequestHandlers, type BoundHandler } from './request-handlers.js';
import { TcpSockets } from './tcp-sockets.js';

/** Of a packet, what is not its request. */
const PACKET_OVERHEAD_BYTES = 1_024;

interface GatewayMetadata {
  readonly namespace?: string;
  readonly server?: Server;
}

/**
 * Socket.IO as this server needs it. Handlers are not run by the socket's events, concurrently, as Nest's own
 * adapter does: they are kept, and the connection's mailbox runs them one after the other.
 */
export class SocketAdapter extends AbstractWsAdapter {
  readonly #options: GatewayOptions;
  readonly #handlers: RequestHandlers;
  readonly #halfOpen: HalfOpenTransports;
  readonly #sockets: TcpSockets;

  constructor(app: INestApplicationContext) {
    super(app);
    this.#options = app.get(GatewayOptions);
    this.#handlers = app.get(RequestHandlers);
    this.#halfOpen = app.get(HalfOpenTransports);
    this.#sockets = app.get(TcpSockets);
  }

  override create(_port: number, { namespace, server }: GatewayMetadata = {}): Server | Namespace {
    const created = server ?? this.#createServer();
    return namespace === undefined ? created : created.of(namespace);
  }

  override bindMessageHandlers(socket: Socket, handlers: WsMessageHandler[]): void {
    for (const { message, callback } of handlers) {
      this.#handlers.bind(socket, message, callback as unknown as BoundHandler);
    }
  }

  #createServer(): Server {
    const { corsOrigins, maxMessageBytes, authTimeoutMs } = this.#options;
    const httpServer = this.httpServer as HttpServer;
    httpServer.on('upgrade', (request: IncomingMessage, socket: TcpSocket) => this.#sockets.note(request, socket));
    const server = new Server(httpServer, {
      path: SOCKET_PATH,
      serveClient: false,
      maxHttpBufferSize: maxMessageBytes * 4 + PACKET_OVERHEAD_BYTES,
      connectTimeout: authTimeoutMs,
      perMessageDeflate: false,
      ...(corsOrigins.length > 0 && { cors: { origin: corsOrigins.includes('*') ? '*' : [...corsOrigins] } }),
      allowRequest: (request, decide) => {
        const allowed = this.#mayConnect(request);
        decide(allowed ? null : 'This origin may not connect.', allowed);
      },
    });
    server.engine.on('connection', (conn: Socket['conn']) => {
      this.#sockets.opened(conn);
      this.#halfOpen.opened(conn);
    });
    return server;
  }

  /** Browsers send an origin with a WebSocket and let any page open one: it is checked here. */
  #mayConnect({ headers }: IncomingMessage): boolean {
    const { origin, host } = headers;
    if (origin === undefined) return true;
    const { corsOrigins } = this.#options;
    if (corsOrigins.includes('*') || corsOrigins.includes(origin)) return true;
    return URL.canParse(origin) && new URL(origin).host === host;
  }
}
