import { Controller, Param, Post, Res, UseGuards } from '@nestjs/common';
import type { Response } from 'express';

import { RunEngine, type RunSource } from '../agents/index.js';
import type { Principal } from '../identity/index.js';
import { parseThreadId } from '../ids/index.js';
import type { Answers, JsonValue, MessageAnswer, RunStatus } from '../protocol/index.js';
import { RunStarter, type StartCommand, type StartOutcome } from '../threads/index.js';
import { BearerGuard } from './bearer.guard.js';
import { Fields } from './fields.decorator.js';
import { MessageFields, RunFields } from './run-fields.js';
import { User } from './user.decorator.js';

type Start = Omit<StartCommand, 'target' | 'associated' | 'messageId' | 'policy'> &
  Pick<MessageFields, 'messageId' | 'policy'>;

/**
 * Starting runs without a connection: nobody is associated, so nobody is waited for. 201, or 200 for a
 * `messageId` that was taken before.
 */
@Controller('api/threads/:threadId')
@UseGuards(BearerGuard)
export class StartsController {
  constructor(
    private readonly starter: RunStarter,
    private readonly engine: RunEngine,
  ) {}

  @Post('messages')
  async message(
    @User() { userId }: Principal,
    @Param('threadId') id: string,
    @Fields(MessageFields) { content, metadata, agent: named, messageId, policy }: MessageFields,
    @Res({ passthrough: true }) res: Response,
  ): Promise<MessageAnswer> {
    const message = { content, ...(metadata === undefined || metadata === null ? {} : { metadata }) };
    const executed = await this.#executed(userId, id, messageId, named ?? undefined, { message });
    const { outcome, status } = await this.#start(id, res, { userId, message, ...executed, messageId, policy });
    const { threadId, run, seq, duplicate } = outcome;
    return {
      threadId,
      messageId: outcome.messageId,
      seq: seq ?? 0,
      runId: run.runId,
      status,
      associated: false,
      duplicate,
    };
  }

  @Post('runs')
  async run(
    @User() { userId }: Principal,
    @Param('threadId') id: string,
    @Fields(RunFields) { agent: named, input: given, messageId, policy }: RunFields,
    @Res({ passthrough: true }) res: Response,
  ): Promise<Answers['start_agent']> {
    const executed = await this.#executed(userId, id, messageId, named, { input: given ?? null });
    const { outcome, status } = await this.#start(id, res, { userId, message: null, ...executed, messageId, policy });
    const { threadId, run, duplicate } = outcome;
    return { threadId, runId: run.runId, status, associated: false, duplicate };
  }

  /** The agent and its input, checked; not for a request that was taken before, which nothing refuses any more. */
  async #executed(
    userId: string,
    id: string,
    messageId: string | null | undefined,
    agent: string | undefined,
    source: RunSource,
  ): Promise<{ agent: string; input: JsonValue }> {
    const given = messageId ?? null;
    const earlier = given === null ? null : await this.starter.earlier(userId, parseThreadId(id), given);
    return earlier === null ? this.engine.prepare(agent, source) : { agent: '', input: null };
  }

  async #start(
    id: string,
    res: Response,
    { messageId, policy, ...start }: Start,
  ): Promise<{ outcome: StartOutcome; status: RunStatus }> {
    const outcome = await this.starter.start({
      ...start,
      target: { kind: 'named', threadId: parseThreadId(id) },
      messageId: messageId ?? null,
      policy: policy ?? 'queue',
      associated: false,
    });
    res.status(outcome.duplicate ? 200 : 201);
    const status = outcome.run.status === 'queued' ? this.engine.dispatch(outcome.run) : outcome.run.status;
    return { outcome, status };
  }
}
