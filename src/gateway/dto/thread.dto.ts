import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

import { IsJsonObject } from '../../errors/index.js';
import type { JsonObject } from '../../protocol/index.js';
import { Meaning } from '../../schema/index.js';

export class CreateThreadDto {
  @Meaning('An id of your own choice; without it, one is made that cannot be guessed.')
  @IsOptional()
  @IsString()
  threadId?: string;

  @Meaning('For people.')
  @IsOptional()
  @MaxLength(500)
  @IsString()
  title?: string;

  @Meaning('Whatever is to be kept with the thread.')
  @IsOptional()
  @IsJsonObject(65_536)
  metadata?: JsonObject;
}

/** `unsubscribe_thread`. */
export class ThreadDto {
  @Meaning('The thread’s id.')
  @IsString()
  threadId!: string;
}

export class HistoryDto {
  @Meaning('The thread’s id.')
  @IsString()
  threadId!: string;

  @Meaning('Reads what comes behind this seq.')
  @IsOptional()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  @IsInt()
  after?: number;

  @Meaning('Reads the last events below this seq instead.')
  @IsOptional()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  @IsInt()
  before?: number;

  @Meaning('The most events of one page: 100 when it is not given; larger counts as 1000.')
  @IsOptional()
  @Min(1)
  @IsInt()
  limit?: number;

  @Meaning('Merges neighbouring deltas of one message.')
  @IsOptional()
  @IsIn(['compact'])
  view?: 'compact';
}

export class AcknowledgeDto {
  @Meaning('The thread’s id.')
  @IsString()
  threadId!: string;

  @Meaning('Everything up to this seq was read. It never moves back.')
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  @IsInt()
  seq!: number;
}
