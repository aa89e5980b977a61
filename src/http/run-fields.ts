import { IsIn, IsOptional, IsString, Length, MaxLength, MinLength } from 'class-validator';

import { IsJsonObject, IsJsonValue } from '../errors/index.js';
import { RUN_POLICIES, type JsonObject, type JsonValue, type RunPolicy } from '../protocol/index.js';
import { IsNotSupportedYet } from './field-rules.js';

class StartFields {
  @IsOptional()
  @IsString()
  @Length(1, 256)
  messageId?: string | null;

  @IsOptional()
  @IsIn(RUN_POLICIES)
  policy?: RunPolicy | null;
}

export class MessageFields extends StartFields {
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

  @IsNotSupportedYet()
  connectionId?: unknown;
}

export class RunFields extends StartFields {
  @IsString()
  @Length(1, 64)
  agent!: string;

  @IsOptional()
  @IsJsonValue()
  input?: JsonValue;

  @IsNotSupportedYet()
  external?: unknown;
}

export class CancelFields {
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string | null;
}

export class InputFields {
  @IsString()
  @Length(1, 256)
  requestId!: string;

  /** Null is an answer; no value is none. */
  @IsJsonValue()
  value!: JsonValue;
}
