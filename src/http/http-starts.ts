import { Injectable } from '@nestjs/common';
import type { Response } from 'express';

import { RunEngine, type RunSource } from '../agents/index.js';
import { parseConnectionId, parseThreadId, type ConnectionId, type ThreadId } from '../ids/index.js';
import type { MessageAnswer, RunPolicy } from '../protocol/index.js';
import { RunStarter, type StartCommand } from '../threads/index.js';
import { ConnectionWaits, type SettledWait } from './connection-waits.js';
import { StartTurns } from './start-turns.js';

const NO_WAIT: SettledWait = { followed: false, tookMs: 0, isStillTrue: () => true };

/** A start as a request over HTTP asks for it. */
interface AskedStart {
  readonly userId: string;
  /** As in the path. */
  readonly threadId: string;
  readonly agent: string | undefined;
  readonly source: RunSource;
  readonly message: StartCommand['message'];
  readonly messageId: string | null;
  readonly policy: RunPolicy;
  /** The connection that the run waits for. Null: for none. */
  readonly connectionId: string | null;
}

type StartAnswer = Omit<MessageAnswer, 'seq'> & { readonly seq: number | null };

/**
 * Starts runs without a connection to associate. Where the request names one of its caller's, the start waits until
 * that follows the thread, in this order: what would be refused anyway is refused, the wait, message and run are
 * durable, the run begins.
 */
@Injectable()
export class HttpStarts {
  constructor(
    private readonly starter: RunStarter,
    private readonly engine: RunEngine,
    private readonly waits: ConnectionWaits,
    private readonly turns: StartTurns,
  ) {}

  /** Answers 201, or 200 for a `messageId` that was taken before. */
  async start(asked: AskedStart, res: Response): Promise<StartAnswer> {
    const threadId = parseThreadId(asked.threadId);
    const connectionId = asked.connectionId === null ? null : parseConnectionId(asked.connectionId);
    const { userId, messageId } = asked;
    if (messageId === null) return this.#start(asked, threadId, connectionId, res);
    const end = await this.turns.turn({ userId, threadId, messageId }, connectionId !== null);
    try {
      return await this.#start(asked, threadId, connectionId, res);
    } finally {
      end();
    }
  }

  async #start(
    { userId, agent: named, source, message, messageId, policy }: AskedStart,
    threadId: ThreadId,
    connectionId: ConnectionId | null,
    res: Response,
  ): Promise<StartAnswer> {
    const earlier = messageId === null ? null : await this.starter.earlier(userId, threadId, messageId);
    // A request that was taken before is refused for nothing any more, and waits for nobody.
    const known = earlier !== null;
    const { agent, input } = known ? { agent: '', input: null } : this.engine.prepare(named, source);
    const waits = known || connectionId === null ? null : { userId, threadId, connectionId };
    const wait = waits === null ? NO_WAIT : await this.waits.settle(waits, res);
    const outcome = await this.starter.start({
      ...{ userId, target: { kind: 'named', threadId }, messageId, message, agent, input, policy },
      ...{ associated: wait.followed, associationMs: wait.tookMs },
    });
    const { run, seq, duplicate } = outcome;
    // In the turn in which the start has resolved. Scenario: the connection has closed during the commit.
    const isStillTrue = duplicate || wait.isStillTrue();
    const recordIsFalse = !(typeof isStillTrue === 'boolean' ? isStillTrue : await isStillTrue);
    const association = recordIsFalse ? 'not_made' : 'as_recorded';
    const status = run.status === 'queued' ? this.engine.dispatch(run, association) : run.status;
    res.status(duplicate ? 200 : 201);
    return {
      ...{ threadId, messageId: outcome.messageId, seq, runId: run.runId, status },
      ...{ associated: run.associated && !recordIsFalse, associationMs: run.associationMs, duplicate },
    };
  }
}
