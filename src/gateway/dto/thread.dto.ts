import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

import { IsJsonObject } from '../../errors/index.js';
import type { JsonObject } from '../../protocol/index.js';

export class CreateThreadDto {
  @IsOptional()
  @IsString()
  threadId?: string;

  @IsOptional()
  @MaxLength(500)
  @IsString()
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
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  @IsInt()
  after?: number;

  @IsOptional()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  @IsInt()
  before?: number;

  /** 1–1000, larger is capped. */
  @IsOptional()
  @Min(1)
  @IsInt()
  limit?: number;

  @IsOptional()
  @IsIn(['compact'])
  view?: 'compact';
}

export class AcknowledgeDto {
  @IsString()
  threadId!: string;

  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  @IsInt()
  seq!: number;
}
