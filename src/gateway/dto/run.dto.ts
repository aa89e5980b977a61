import { IsIn, IsOptional, IsString, Length, MaxLength, MinLength } from 'class-validator';

import { IsJsonObject, IsJsonValue } from '../../errors/index.js';
import { RUN_POLICIES, type JsonObject, type JsonValue, type RunPolicy } from '../../protocol/index.js';

/** What a message and a bare start have in common. */
abstract class StartDto {
  @IsOptional()
  @IsString()
  threadId?: string | null;

  /** Makes the request idempotent. */
  @IsOptional()
  @Length(1, 256)
  @IsString()
  messageId?: string | null;

  @IsOptional()
  @IsIn(RUN_POLICIES)
  policy?: RunPolicy | null;
}

export class UserMessageDto extends StartDto {
  @MinLength(1)
  @IsString()
  content!: string;

  @IsOptional()
  @Length(1, 64)
  @IsString()
  agent?: string | null;

  @IsOptional()
  @IsJsonObject()
  metadata?: JsonObject | null;
}

export class StartAgentDto extends StartDto {
  @Length(1, 64)
  @IsString()
  agent!: string;

  @IsOptional()
  @IsJsonValue()
  input?: JsonValue;
}

export class StopAgentDto {
  @IsString()
  runId!: string;

  @IsOptional()
  @MaxLength(1_000)
  @IsString()
  reason?: string | null;
}

export class ProvideInputDto {
  @IsString()
  runId!: string;

  @Length(1, 256)
  @IsString()
  requestId!: string;

  @IsJsonValue()
  value!: JsonValue;
}
