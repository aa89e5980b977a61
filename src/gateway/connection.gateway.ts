import type { OnGatewayConnection } from '@nestjs/websockets';
import type { Socket } from 'socket.io';

import { Clock } from '../clock/index.js';
import type { Answers } from '../protocol/index.js';
import type { Connection } from './connection.js';
import { ConnectionCloser } from './connection-closer.js';
import { ConnectionLifecycle } from './connection-lifecycle.js';
import { ConnectionRegistry } from './connection-registry.js';
import { AuthenticateDto, PingDto } from './dto/authenticate.dto.js';
import { HalfOpenTransports } from './half-open-transports.js';
import { IncomingRequest } from './incoming-request.js';
import { Reception } from './reception.js';
import { Handles, Payload, Request } from './request-metadata.js';
import { Slot } from './slot.js';
import { ThreadcastGateway } from './threadcast-gateway.decorator.js';

/** Connections come and go; who they are; whether anybody is there. */
@ThreadcastGateway()
export class ConnectionGateway implements OnGatewayConnection<Socket> {
  /** Of its own socket: when that ends, it may have left the registry. */
  readonly #connections = new Slot<Socket, Connection>();
  /** The same listeners for all: `this` is the socket. */
  readonly #onPacket: (this: Socket, event: unknown, ...args: unknown[]) => void;
  readonly #onEnd: (this: Socket, reason: string) => void;

  constructor(
    private readonly halfOpen: HalfOpenTransports,
    private readonly lifecycle: ConnectionLifecycle,
    private readonly registry: ConnectionRegistry,
    reception: Reception,
    private readonly closer: ConnectionCloser,
    private readonly clock: Clock,
  ) {
    const slot = this.#connections;
    this.#onPacket = function (event, ...args) {
      const connection = slot.get(this);
      if (connection !== undefined) reception.receive(connection, event, args);
    };
    this.#onEnd = function (reason) {
      const connection = slot.get(this);
      if (connection !== undefined) closer.left(connection, reason);
    };
  }

  handleConnection(socket: Socket): void {
    if (!this.halfOpen.connected(socket.conn)) {
      this.closer.endTransport(socket);
      return;
    }
    this.lifecycle.accept(socket);
    const connection = this.registry.of(socket);
    if (connection === undefined) return;
    this.#connections.set(socket, connection);
    socket.onAny(this.#onPacket);
    socket.on('disconnect', this.#onEnd);
  }

  @Handles('authenticate', {
    does: 'Tells who is there, or renews a token. It overtakes what waits.',
    dto: AuthenticateDto,
    open: true,
  })
  async authenticate(
    @Payload() { token }: AuthenticateDto,
    @Request() request: IncomingRequest,
  ): Promise<Answers['authenticate']> {
    return this.lifecycle.authenticate(request, token);
  }

  @Handles('ping', { does: 'Is answered in its turn, and changes nothing.', dto: PingDto })
  ping(): Answers['ping'] {
    return { time: this.clock.now() };
  }
}
