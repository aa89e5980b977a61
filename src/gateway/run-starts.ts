import { Injectable } from '@nestjs/common';

import { RunEngine } from '../agents/index.js';
import type { PreparedFollowing } from '../delivery/index.js';
import type { JsonObject, MessageAnswer, RunPolicy } from '../protocol/index.js';
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
  ) {}

  async start(
    request: IncomingRequest,
    { user, start }: RequestContext,
    requested: RequestedStart,
  ): Promise<Omit<MessageAnswer, 'seq'> & { seq: number | null }> {
    if (start === null) throw new Error(`'${request.type}' is handled without an association`);
    const { agent, input, target, following } = start;
    const associated = following !== null;
    const outcome = await this.starter.start({ ...requested, userId: user.userId, target, agent, input, associated });
    const inPlace = await this.#associate(request, outcome, following);
    const status = outcome.run.status === 'queued' ? this.engine.dispatch(outcome.run) : outcome.run.status;
    const { threadId, messageId, seq, duplicate } = outcome;
    return { threadId, messageId, seq, runId: outcome.run.runId, status, associated: inPlace, duplicate };
  }

  /** Makes the association that was prepared; a repeated request may turn out to belong to another thread. */
  async #associate(
    request: IncomingRequest,
    { threadId }: StartOutcome,
    prepared: PreparedFollowing | null,
  ): Promise<boolean> {
    let following = prepared;
    if (following !== null && following.threadId !== threadId) {
      following.abort();
      following = await this.associations.tryPrepare(request.connection, threadId);
    }
    if (following?.commit() !== true) return false;
    const { previousThreadId, head, epoch } = following;
    if (previousThreadId === threadId) return true;
    const { outbox } = request.connection;
    const made = following;
    request.afterAnswer(() => {
      outbox.emit('thread_switched', { threadId, previousThreadId, head, epoch });
      made.start();
    });
    return true;
  }
}
