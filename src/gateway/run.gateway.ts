import { RunEngine } from '../agents/index.js';
import { parseRunId } from '../ids/index.js';
import type { Answers, JsonObject } from '../protocol/index.js';
import { ProvideInputDto, StartAgentDto, StopAgentDto, UserMessageDto } from './dto/run.dto.js';
import { IncomingRequest } from './incoming-request.js';
import type { RequestContext } from './request-context.js';
import { Context, Handles, Payload, Request } from './request-metadata.js';
import { RunStarts } from './run-starts.js';
import { ThreadcastGateway } from './threadcast-gateway.decorator.js';

/** Messages and runs. A request starts a run and is answered; none waits for an agent. */
@ThreadcastGateway()
export class RunGateway {
  constructor(
    private readonly starts: RunStarts,
    private readonly engine: RunEngine,
  ) {}

  @Handles('user_message', {
    does: 'Appends a message and starts an agent’s run on it, in one step.',
    dto: UserMessageDto,
    associates: true,
  })
  async message(
    @Payload() { content, metadata, messageId, policy }: UserMessageDto,
    @Context() context: RequestContext,
    @Request() request: IncomingRequest,
  ): Promise<Answers['user_message']> {
    const { seq, ...answer } = await this.starts.start(request, context, {
      message: messageOf(content, metadata),
      messageId: messageId ?? null,
      policy: policy ?? 'queue',
    });
    return { ...answer, seq: seq ?? 0 };
  }

  @Handles('start_agent', { does: 'Starts a run without a message.', dto: StartAgentDto, associates: true })
  async startAgent(
    @Payload() { messageId, policy }: StartAgentDto,
    @Context() context: RequestContext,
    @Request() request: IncomingRequest,
  ): Promise<Answers['start_agent']> {
    const requested = { message: null, messageId: messageId ?? null, policy: policy ?? 'queue' } as const;
    const started = await this.starts.start(request, context, requested);
    const { threadId, runId, status, associated, associationMs, duplicate } = started;
    return { threadId, runId, status, associated, associationMs, duplicate };
  }

  @Handles('stop_agent', {
    does: 'Cancels a run, waiting or under way; one that has ended stays as it ended.',
    dto: StopAgentDto,
  })
  stop(@Payload() dto: StopAgentDto, @Context() { user }: RequestContext): Promise<Answers['stop_agent']> {
    return this.engine.stop(user.userId, parseRunId(dto.runId).runId, dto.reason ?? undefined);
  }

  @Handles('provide_input', {
    does: 'Answers an `input_requested`. The same answer again changes nothing.',
    dto: ProvideInputDto,
  })
  async provideInput(
    @Payload() { runId, requestId, value }: ProvideInputDto,
    @Context() { user }: RequestContext,
  ): Promise<Answers['provide_input']> {
    const parsed = parseRunId(runId).runId;
    await this.engine.provideInput(user.userId, parsed, requestId, value);
    return { runId: parsed };
  }
}

function messageOf(content: string, metadata: JsonObject | null | undefined) {
  return metadata === undefined || metadata === null ? { content } : { content, metadata };
}
