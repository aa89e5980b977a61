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
  @IsString()
  @Length(1, 256)
  messageId?: string | null;

  @IsOptional()
  @IsIn(RUN_POLICIES)
  policy?: RunPolicy | null;
}

export class UserMessageDto extends StartDto {
  @IsString()
  @MinLength(1)
  content!: string;

  @IsOptional()
  @IsString()
  @Length(1, 64)
  agent?: string | null;

  @IsOptional()
  @IsJsonObject()
  metadata?: JsonObject | null;
}

export class StartAgentDto extends StartDto {
  @IsString()
  @Length(1, 64)
  agent!: string;

  @IsOptional()
  @IsJsonValue()
  input?: JsonValue;
}

export class StopAgentDto {
  @IsString()
  runId!: string;

  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string | null;
}

export class ProvideInputDto {
  @IsString()
  runId!: string;

  @IsString()
  @Length(1, 256)
  requestId!: string;

  @IsJsonValue()
  value!: JsonValue;
}
