import { Controller, Param, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';

import { invalidFields, type ErrorCode } from '../errors/index.js';
import type { Principal } from '../identity/index.js';
import { MESSAGE_ANSWER, START_ANSWER } from '../protocol/index.js';
import type { Answers, MessageAnswer } from '../protocol/index.js';
import { Describe } from './describe.decorator.js';
import { Fields } from './fields.decorator.js';
import { ForUsers } from './for-users.decorator.js';
import { HttpStarts } from './http-starts.js';
import { Registrations } from './registrations.js';
import { MessageFields, RunFields } from './run-fields.js';
import { User } from './user.decorator.js';

const START_REFUSALS: readonly ErrorCode[] = [
  'agent_not_found',
  'run_in_progress',
  'run_queue_full',
  'pending_queue_full',
];

/** Starting runs without a socket. 201, or 200 for a `messageId` that was taken before. */
@Controller('api/threads/:threadId')
@ForUsers()
@ApiTags('Messages and runs')
export class StartsController {
  constructor(
    private readonly starts: HttpStarts,
    private readonly registrations: Registrations,
  ) {}

  @Post('messages')
  @Describe({
    does: 'Appends a message and starts an agent’s run on it, in one step.',
    details: 'As the request `user_message` of the socket protocol.',
    answers: {
      201: { says: 'The message is durable, and so is its run.', json: MESSAGE_ANSWER },
      200: {
        says: 'The `messageId` was taken before: the first answer, with the run’s present status.',
        json: MESSAGE_ANSWER,
      },
    },
    refuses: ['already_exists', ...START_REFUSALS],
  })
  async message(
    @User() { userId }: Principal,
    @Param('threadId') threadId: string,
    @Fields(MessageFields) { content, metadata, agent, messageId, policy, connectionId }: MessageFields,
    @Res({ passthrough: true }) res: Response,
  ): Promise<MessageAnswer> {
    const message = { content, ...(metadata === undefined || metadata === null ? {} : { metadata }) };
    const { seq, ...answer } = await this.starts.start(
      {
        ...{ userId, threadId, agent: agent ?? undefined, source: { message }, message },
        ...{ messageId: messageId ?? null, policy: policy ?? 'queue', connectionId: connectionId ?? null },
      },
      res,
    );
    return { ...answer, seq: seq ?? 0 };
  }

  @Post('runs')
  @Describe({
    does: 'Starts a run without a message.',
    details:
      'As the request `start_agent` of the socket protocol. With `external: true`, by a member or with the role ' +
      '`producer`, the run is registered for another process, and begins beside the others where no policy is given.',
    answers: {
      201: { says: 'The run is durable.', json: START_ANSWER },
      200: {
        says: 'The `messageId` was taken before: the first answer, with the run’s present status.',
        json: START_ANSWER,
      },
    },
    refuses: ['already_exists', ...START_REFUSALS],
  })
  async run(
    @User() user: Principal,
    @Param('threadId') id: string,
    @Fields(RunFields) fields: RunFields,
    @Res({ passthrough: true }) res: Response,
  ): Promise<Answers['start_agent']> {
    if (fields.external === true) {
      const registered = await this.registrations.register(user, id, fields);
      res.status(registered.duplicate ? 200 : 201);
      return registered;
    }
    const { agent, input, messageId, policy, connectionId, runId: chosen } = fields;
    if ((chosen ?? null) !== null) {
      throw invalidFields([{ field: 'runId', message: 'runId is chosen for external runs alone' }]);
    }
    const started = await this.starts.start(
      {
        ...{ userId: user.userId, threadId: id, agent, source: { input: input ?? null }, message: null },
        ...{ messageId: messageId ?? null, policy: policy ?? 'queue', connectionId: connectionId ?? null },
      },
      res,
    );
    const { threadId, runId, status, associated, associationMs, duplicate } = started;
    return { threadId, runId, status, associated, associationMs, duplicate };
  }
}
