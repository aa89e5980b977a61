import { Injectable } from '@nestjs/common';
import { TokenBucket } from 'limiter';
import type { Socket } from 'socket.io';

import { Clock } from '../clock/index.js';
import { Followers } from '../delivery/index.js';
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
    private readonly sockets: TcpSockets,
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
  ) {}

  create(socket: Socket, handshake: Handshake): Connection {
    const { options } = this;
    const outbox = new Outbox(
      socket,
      handshake.frames === 'batch' ? 'batch' : 'single',
      options.slowConsumerBytes,
      this.sockets,
    );
    const bounds = { maxMessages: options.pendingMaxMessages, maxBytes: options.pendingMaxBytes };
    return new Connection({
      connectionId: this.ids.connectionId(),
      socket,
      outbox,
      follower: this.followers.create(outbox, options.maxFollowedThreads),
      mailbox: new Mailbox(bounds),
      rate: fullBucket(options.rateLimitBurst, options.rateLimitMessagesPerSec),
      first: handshake.first,
      acceptedAt: this.clock.now(),
    });
  }
}

function fullBucket(bucketSize: number, tokensPerInterval: number): TokenBucket {
  const bucket = new TokenBucket({ bucketSize, tokensPerInterval, interval: 'second' });
  bucket.content = bucketSize;
  return bucket;
}
