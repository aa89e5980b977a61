import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

import { IsJsonObject } from '../../errors/index.js';
import type { JsonObject } from '../../protocol/index.js';

export class CreateThreadDto {
  @IsOptional()
  @IsString()
  threadId?: string;

  @IsOptional()
  @IsString()
  @MaxLength(500)
  title?: string;

  @IsOptional()
  @IsJsonObject(65_536)
  metadata?: JsonObject;
}

/** `unsubscribe_thread`. */
export class ThreadDto {
  @IsString()
  threadId!: string;
}

export class HistoryDto {
  @IsString()
  threadId!: string;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after?: number;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  before?: number;

  /** 1–1000, larger is capped. */
  @IsOptional()
  @IsInt()
  @Min(1)
  limit?: number;

  @IsOptional()
  @IsIn(['compact'])
  view?: 'compact';
}

export class AcknowledgeDto {
  @IsString()
  threadId!: string;

  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  seq!: number;
}
