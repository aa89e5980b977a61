import { IsBoolean, IsIn, IsOptional, IsString, Length, MaxLength, MinLength } from 'class-validator';

import { IsJsonObject, IsJsonValue } from '../errors/index.js';
import { RUN_POLICIES, type JsonObject, type JsonValue, type RunPolicy } from '../protocol/index.js';
import { Meaning } from '../schema/index.js';

class StartFields {
  @Meaning('Makes it safe to send again: a repeated one starts nothing and gets the first answer.')
  @IsOptional()
  @IsString()
  @Length(1, 256)
  messageId?: string | null;

  @Meaning('What happens when the thread has a run that has not ended.')
  @IsOptional()
  @IsIn(RUN_POLICIES)
  policy?: RunPolicy | null;

  /** Judged by the grammar of ids, where it is a text. */
  @Meaning('The run waits until this connection of the caller follows the thread.')
  @IsOptional()
  @IsString()
  connectionId?: string | null;
}

export class MessageFields extends StartFields {
  @Meaning('The text.')
  @IsString()
  @MinLength(1)
  content!: string;

  @Meaning('Who answers; without it, the server’s default agent.')
  @IsOptional()
  @IsString()
  @Length(1, 64)
  agent?: string | null;

  @Meaning('Kept with the message; agents may look at it.')
  @IsOptional()
  @IsJsonObject()
  metadata?: JsonObject | null;
}

export class RunFields extends StartFields {
  @Meaning('Who is started.')
  @IsString()
  @Length(1, 64)
  agent!: string;

  @Meaning('Whatever the agent takes.')
  @IsOptional()
  @IsJsonValue()
  input?: JsonValue;

  @Meaning('Another process executes the run: it is registered, and takes events.')
  @IsOptional()
  @IsBoolean()
  external?: boolean | null;

  /** Judged by the grammar of ids, where it is a text. */
  @Meaning('The id of a run that another process executes; without it, one is made.')
  @IsOptional()
  @IsString()
  runId?: string | null;
}

export class CancelFields {
  @Meaning('Told in `agent_cancelled`.')
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string | null;
}

export class InputFields {
  @Meaning('Of the `input_requested` that is answered.')
  @IsString()
  @Length(1, 256)
  requestId!: string;

  @Meaning('The answer. Null is one too.')
  @IsJsonValue()
  value!: JsonValue;
}
