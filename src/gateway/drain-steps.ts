import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import { DrainStep } from '../startup/index.js';
import { ConnectionCloser } from './connection-closer.js';
import { ConnectionRegistry } from './connection-registry.js';

/** The longest time to come back in that a client is given. */
export const MAX_RECONNECT_MS = 2_000;

/** Tells every client that this node is about to close, with a time to come back that differs from client to client. */
@Injectable()
export class AnnounceDrain extends DrainStep {
  override readonly name = 'announce to connections';
  override readonly stage = 'announce';

  constructor(private readonly registry: ConnectionRegistry) {
    super();
  }

  override run(): Promise<void> {
    const connections = this.registry.all();
    connections.forEach(({ outbox }, index) => {
      outbox.emit('server_draining', { reconnectInMs: Math.round((MAX_RECONNECT_MS * index) / connections.length) });
    });
    return Promise.resolve();
  }
}

/**
 * Flushes and closes the connections, spread over the time there is, so that they do not all come back at once. When
 * the time is over, those that are left are closed at once.
 */
@Injectable()
export class CloseConnections extends DrainStep {
  override readonly name = 'close connections';
  override readonly stage = 'close';

  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly closer: ConnectionCloser,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async run(signal: AbortSignal, budgetMs: number): Promise<void> {
    signal.addEventListener('abort', () => this.#closeAll(), { once: true });
    const connections = this.registry.all();
    const pauseMs = Math.min(MAX_PAUSE_MS, budgetMs / 2 / Math.max(1, connections.length));
    const closing: Promise<void>[] = [];
    let pausedMs = 0;
    let owedMs = 0;
    for (const connection of connections) {
      const draining = new ThreadcastError('draining');
      const closed = connection.outbox.flushed().then(() => {
        this.closer.closeForRepair(connection, draining);
        return connection.outbox.ended;
      });
      if (closing.push(closed) === connections.length) break;
      owedMs += pauseMs;
      if (owedMs - pausedMs < 1 || signal.aborted) continue;
      await this.#pause(Math.floor(owedMs - pausedMs), signal);
      pausedMs = Math.floor(owedMs);
    }
    await Promise.all(closing);
  }

  async #pause(durationMs: number, signal: AbortSignal): Promise<void> {
    try {
      await this.clock.sleep(durationMs, signal);
    } catch {
      // The time is over, and all are closed.
    }
  }

  #closeAll(): void {
    for (const connection of this.registry.all()) {
      this.closer.closeForRepair(connection, new ThreadcastError('draining'));
    }
  }
}

const MAX_PAUSE_MS = 20;
