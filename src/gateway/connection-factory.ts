import { Injectable } from '@nestjs/common';
import type { Socket } from 'socket.io';

import { Clock } from '../clock/index.js';
import { Followers, LiveConnections } from '../delivery/index.js';
import { fullBucket, type TokenBucket } from '../identity/index.js';
import { IdGenerator, type ConnectionId } from '../ids/index.js';
import { Connection } from './connection.js';
import { GatewayOptions } from './gateway-options.js';
import type { Handshake } from './handshake.js';
import { Mailbox, type MailboxBounds } from './mailbox.js';
import { Outbox } from './outbox.js';

/** Puts a connection's parts together. */
@Injectable()
export class ConnectionFactory {
  readonly #bounds: MailboxBounds;
  readonly #onFollow = (connectionId: string): void => this.live.changed(connectionId as ConnectionId);
  readonly #rate = (): TokenBucket => fullBucket(this.options.rateLimitBurst, this.options.rateLimitMessagesPerSec);

  constructor(
    private readonly options: GatewayOptions,
    private readonly followers: Followers,
    private readonly live: LiveConnections,
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
  ) {
    this.#bounds = { maxMessages: options.pendingMaxMessages, maxBytes: options.pendingMaxBytes };
  }

  create(socket: Socket, handshake: Handshake): Connection {
    const { options } = this;
    const connectionId = this.ids.connectionId();
    const outbox = new Outbox(
      connectionId,
      socket,
      handshake.frames === 'batch' ? 'batch' : 'single',
      options.slowConsumerBytes,
      this.clock,
    );
    return new Connection({
      connectionId,
      socket,
      outbox,
      follower: this.followers.create(outbox, options.maxFollowedThreads, this.#onFollow),
      mailbox: new Mailbox(this.#bounds),
      rate: this.#rate,
      first: handshake.first,
      acceptedAt: this.clock.now(),
      openedAt: this.clock.monotonic(),
    });
  }
}
