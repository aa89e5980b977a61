import type { Server as HttpServer } from 'node:http';

import { Server, type Namespace, type ServerOptions } from 'socket.io';

/** The namespace of this server's protocol. */
export const ROOT = '/';

type Named = Parameters<Server['of']>;

/**
 * Socket.IO's server, which knows whether anybody but this server's own gateways may read a handshake after its socket
 * has connected: another gateway, or another namespace. Clients join all namespaces over one transport, so a middleware
 * of `/admin` sees the request that the socket of `/` came in.
 */
export class SocketServer extends Server {
  #ownAlone: boolean;

  /** `ownAlone`: there is no gateway but this server's. */
  constructor(httpServer: HttpServer, ownAlone: boolean, options: Partial<ServerOptions>) {
    super(httpServer, options);
    this.#ownAlone = ownAlone;
  }

  /** As it is now: a transport that has joined `/` before the first other namespace was made has forgotten. */
  get forgetsHandshakes(): boolean {
    return this.#ownAlone;
  }

  override of(...[name, onConnection]: Named): Namespace {
    // Socket.IO asks for this one while it is being made.
    if (name !== ROOT) this.#ownAlone = false;
    return super.of(name, onConnection);
  }
}
