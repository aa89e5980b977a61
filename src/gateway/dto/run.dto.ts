import { IsIn, IsOptional, IsString, Length, MaxLength, MinLength } from 'class-validator';

import { IsJsonObject, IsJsonValue } from '../../errors/index.js';
import { RUN_POLICIES, type JsonObject, type JsonValue, type RunPolicy } from '../../protocol/index.js';
import { Meaning } from '../../schema/index.js';

/** What a message and a bare start have in common. */
abstract class StartDto {
  @Meaning('Without it: the active thread; where there is none, a new one.')
  @IsOptional()
  @IsString()
  threadId?: string | null;

  @Meaning('Makes it safe to send again: a repeated one starts nothing and gets the first answer.')
  @IsOptional()
  @Length(1, 256)
  @IsString()
  messageId?: string | null;

  @Meaning('What happens when the thread has a run that has not ended.')
  @IsOptional()
  @IsIn(RUN_POLICIES)
  policy?: RunPolicy | null;
}

export class UserMessageDto extends StartDto {
  @Meaning('The text.')
  @MinLength(1)
  @IsString()
  content!: string;

  @Meaning('Who answers; without it, the server’s default agent.')
  @IsOptional()
  @Length(1, 64)
  @IsString()
  agent?: string | null;

  @Meaning('Kept with the message; agents may look at it.')
  @IsOptional()
  @IsJsonObject()
  metadata?: JsonObject | null;
}

export class StartAgentDto extends StartDto {
  @Meaning('Who is started.')
  @Length(1, 64)
  @IsString()
  agent!: string;

  @Meaning('Whatever the agent takes.')
  @IsOptional()
  @IsJsonValue()
  input?: JsonValue;
}

export class StopAgentDto {
  @Meaning('The run’s id.')
  @IsString()
  runId!: string;

  @Meaning('Told in `agent_cancelled`.')
  @IsOptional()
  @MaxLength(1_000)
  @IsString()
  reason?: string | null;
}

export class ProvideInputDto {
  @Meaning('The run’s id.')
  @IsString()
  runId!: string;

  @Meaning('Of the `input_requested` that is answered.')
  @Length(1, 256)
  @IsString()
  requestId!: string;

  @Meaning('The answer. Null is one too.')
  @IsJsonValue()
  value!: JsonValue;
}
