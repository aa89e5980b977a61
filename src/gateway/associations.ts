import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import type { Hold, Position, PreparedFollowing } from '../delivery/index.js';
import { ThreadcastError } from '../errors/index.js';
import type { ThreadId } from '../ids/index.js';
import { Metrics, type HistogramName } from '../metrics/index.js';
import type { Connection } from './connection.js';
import { GatewayOptions } from './gateway-options.js';

const RETRY_MS = 100;

/**
 * Prepares followings for requests. A refusal (no such thread, a bad cursor, too many threads) is final at once; a
 * failure that may pass is tried again for `contextTimeoutMs`, or until the connection goes.
 */
@Injectable()
export class Associations {
  constructor(
    private readonly options: GatewayOptions,
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  /** Rejects with the refusal, or with the last failure once the time is over or the connection has gone. */
  async prepare(
    connection: Connection,
    threadId: ThreadId,
    hold: Hold,
    position?: Position,
  ): Promise<PreparedFollowing> {
    const begun = this.clock.monotonic();
    const deadline = begun + this.options.contextTimeoutMs;
    for (let failed = false; ; failed = true) {
      try {
        const attempt = connection.follower.prepare(threadId, hold, position);
        const prepared = await this.#within(deadline, connection, attempt);
        if (failed) this.#observe('threadcast_gateway_grace_seconds', begun);
        this.metrics.add('threadcast_gateway_associations_total', { outcome: 'ok' });
        return prepared;
      } catch (error) {
        const outOfTime = this.clock.monotonic() + RETRY_MS > deadline;
        if (isRefusal(error) || outOfTime || connection.isClosed) {
          if (failed || !isRefusal(error)) this.#observe('threadcast_gateway_grace_seconds', begun);
          throw this.#counted(error);
        }
        this.metrics.add('threadcast_gateway_association_retries_total', {});
      }
      await this.#pause(connection);
    }
  }

  /**
   * As `prepare`, for a run that starts with or without it: null where the association failed for the whole grace
   * or the connection has gone. Refusals still reject.
   */
  async tryPrepare(connection: Connection, threadId: ThreadId): Promise<PreparedFollowing | null> {
    if (connection.isClosed) return null;
    try {
      return await this.prepare(connection, threadId, 'active');
    } catch (error) {
      if (isRefusal(error)) throw error;
      return null;
    }
  }

  /** Makes what was prepared the connection's active thread; false where that cannot be done any more. */
  make(connection: Connection, following: PreparedFollowing): boolean {
    if (!following.commit()) return false;
    if (!connection.associated) {
      connection.associated = true;
      this.#observe('threadcast_gateway_first_association_seconds', connection.openedAt);
    }
    return true;
  }

  /**
   * Does not wait for an attempt beyond the deadline or the connection's end. Scenario: the storage neither answers
   * nor fails. What comes of the attempt after all is given back.
   */
  async #within(
    deadline: number,
    connection: Connection,
    attempt: Promise<PreparedFollowing>,
  ): Promise<PreparedFollowing> {
    const wait = new AbortController();
    const stop = (): void => wait.abort();
    connection.gone.addEventListener('abort', stop, { once: true });
    const over = this.clock.sleep(Math.max(0, deadline - this.clock.monotonic()), wait.signal).then(() => {
      throw new ThreadcastError('storage_unavailable');
    });
    over.catch(() => undefined);
    try {
      return await Promise.race([attempt, over]);
    } catch (error) {
      attempt.then(
        (late) => late.abort(),
        () => undefined,
      );
      throw error;
    } finally {
      connection.gone.removeEventListener('abort', stop);
      stop();
    }
  }

  #observe(name: HistogramName, since: number): void {
    this.metrics.observe(name, (this.clock.monotonic() - since) / 1_000);
  }

  #counted(error: unknown): unknown {
    const outcome = isRefusal(error) ? 'refused' : 'failed';
    this.metrics.add('threadcast_gateway_associations_total', { outcome });
    return error;
  }

  async #pause(connection: Connection): Promise<void> {
    try {
      await this.clock.sleep(RETRY_MS, connection.gone);
    } catch {
      // The connection has gone: the next attempt is the last one.
    }
  }
}

/** Trying again would be refused again. */
function isRefusal(error: unknown): boolean {
  return error instanceof ThreadcastError && error.entry.status < 500;
}
