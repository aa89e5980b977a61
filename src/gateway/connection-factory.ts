import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Clock } from '../clock/index.js';
import { Followers, LiveConnections } from '../delivery/index.js';
import { fullBucket } from '../identity/index.js';
import { IdGenerator } from '../ids/index.js';
import { Connection } from './connection.js';
import { GatewayOptions } from './gateway-options.js';
import type { Handshake } from './handshake.js';
import { Mailbox } from './mailbox.js';
import { Outbox } from './outbox.js';
import { TcpSockets } from './tcp-sockets.js';

/** Puts a connection's parts together. */
@Injectable()
export class ConnectionFactory {
  constructor(
    private readonly options: GatewayOptions,
    private readonly followers: Followers,
    private readonly live: LiveConnections,
    private readonly sockets: TcpSockets,
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
  ) {}

  create(socket: Socket, handshake: Handshake): Connection {
    const { options } = this;
    const connectionId = this.ids.connectionId();
    const outbox = new Outbox(
      connectionId,
      socket,
      handshake.frames === 'batch' ? 'batch' : 'single',
      options.slowConsumerBytes,
      this.sockets,
      this.clock,
    );
    const onFollow = (): void => this.live.changed(connectionId);
    const bounds = { maxMessages: options.pendingMaxMessages, maxBytes: options.pendingMaxBytes };
    return new Connection({
      connectionId,
      socket,
      outbox,
      follower: this.followers.create(outbox, options.maxFollowedThreads, onFollow),
      mailbox: new Mailbox(bounds),
      rate: fullBucket(options.rateLimitBurst, options.rateLimitMessagesPerSec),
      first: handshake.first,
      acceptedAt: this.clock.now(),
      openedAt: this.clock.monotonic(),
    });
  }
}
