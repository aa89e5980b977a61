import { Injectable } from '@nestjs/common';

import { RunEngine } from '../agents/index.js';
import type { PreparedFollowing } from '../delivery/index.js';
import { Metrics } from '../metrics/index.js';
import type { JsonObject, MessageAnswer, RunPolicy, RunStatus } from '../protocol/index.js';
import { RunStarter, type StartOutcome } from '../threads/index.js';
import { Associations } from './associations.js';
import type { IncomingRequest } from './incoming-request.js';
import type { RequestContext } from './request-context.js';

export interface RequestedStart {
  readonly message: { readonly content: string; readonly metadata?: JsonObject } | null;
  readonly messageId: string | null;
  readonly policy: RunPolicy;
}

/**
 * Starts runs for connections, in this order: the association has its place, the message and the run are
 * durable, the association is made, the run begins.
 */
@Injectable()
export class RunStarts {
  constructor(
    private readonly starter: RunStarter,
    private readonly engine: RunEngine,
    private readonly associations: Associations,
    private readonly metrics: Metrics,
  ) {}

  async start(
    request: IncomingRequest,
    { user, start }: RequestContext,
    requested: RequestedStart,
  ): Promise<Omit<MessageAnswer, 'seq'> & { seq: number | null }> {
    if (start === null) throw new Error(`'${request.type}' is handled without an association`);
    const { following, ...given } = start;
    const associated = following !== null;
    const outcome = await this.starter.start({ ...requested, ...given, userId: user.userId, associated });
    // In the turn in which the start has resolved, so that runs begin in the order of their commits.
    const made = this.#associate(request, outcome, following);
    const status = this.#dispatch(outcome, made);
    const inPlace = made ?? (await this.#associateAnew(request, outcome));
    if (!inPlace) this.metrics.add('threadcast_gateway_associations_total', { outcome: 'none' });
    const { threadId, messageId, seq, duplicate } = outcome;
    return {
      ...{ threadId, messageId, seq, runId: outcome.run.runId, status },
      ...{ associated: inPlace, associationMs: outcome.run.associationMs, duplicate },
    };
  }

  /** Scenario: the connection has closed during the commit, and the run's record says that it is associated. */
  #dispatch({ run, duplicate }: StartOutcome, made: boolean | null): RunStatus {
    if (run.status !== 'queued') return run.status;
    const recordIsFalse = !duplicate && run.associated && made !== true;
    return this.engine.dispatch(run, recordIsFalse ? 'not_made' : 'as_recorded');
  }

  /** Makes the association that was prepared. Null: it is for another thread than the request turned out to be for. */
  #associate(
    request: IncomingRequest,
    { threadId }: StartOutcome,
    following: PreparedFollowing | null,
  ): boolean | null {
    if (following !== null && following.threadId !== threadId) {
      following.abort();
      return null;
    }
    if (following === null || !this.associations.make(request.connection, following)) return false;
    const { previousThreadId, head, epoch } = following;
    if (previousThreadId === threadId) {
      following.goOn();
      return true;
    }
    request.afterAnswer(() => {
      request.connection.outbox.emit('thread_switched', { threadId, previousThreadId, head, epoch });
      following.start();
    });
    return true;
  }

  /** A repeated request that went elsewhere the first time. */
  async #associateAnew(request: IncomingRequest, outcome: StartOutcome): Promise<boolean> {
    const following = await this.associations.tryPrepare(request.connection, outcome.threadId);
    return this.#associate(request, outcome, following) ?? false;
  }
}
