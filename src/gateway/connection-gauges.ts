import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { Metrics } from '../metrics/index.js';
import type { Connection } from './connection.js';
import { ConnectionRegistry } from './connection-registry.js';

/** What can be seen of the connections when somebody asks, at no cost in between. */
@Injectable()
export class ConnectionGauges {
  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    metrics.measure('threadcast_gateway_held_requests', {}, () => this.#sum(heldBy));
    metrics.measure('threadcast_gateway_oldest_held_seconds', {}, () => this.#oldestHeld());
    metrics.measure('threadcast_gateway_unsent_bytes', {}, () => this.#sum(({ outbox }) => outbox.unsent));
  }

  #sum(of: (connection: Connection) => number): number {
    return this.registry.all().reduce((sum, connection) => sum + of(connection), 0);
  }

  #oldestHeld(): number {
    const now = this.clock.monotonic();
    const ages = this.registry.all().map(({ mailbox }) => {
      const oldest = mailbox.isOpen ? undefined : mailbox.oldest;
      return oldest === undefined ? 0 : now - oldest.receivedAt;
    });
    return ages.reduce((longest, age) => Math.max(longest, age), 0) / 1_000;
  }
}

function heldBy({ mailbox }: Connection): number {
  return mailbox.isOpen ? 0 : mailbox.size;
}
