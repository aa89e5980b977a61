import { IsOptional, IsString, MaxLength, ValidateIf } from 'class-validator';

import { IsJsonObject } from '../errors/index.js';
import type { JsonObject } from '../protocol/index.js';

const MAX_TITLE_CHARACTERS = 500;
const MAX_METADATA_BYTES = 65_536;

export class CreateThreadFields {
  /** Judged by the grammar of ids, where it is a text. */
  @IsOptional()
  @IsString()
  threadId?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(MAX_TITLE_CHARACTERS)
  title?: string | null;

  @IsOptional()
  @IsJsonObject(MAX_METADATA_BYTES)
  metadata?: JsonObject | null;
}

export class UpdateThreadFields {
  /** Null takes the title away. */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_TITLE_CHARACTERS)
  title?: string | null;

  /** Replaces all of it. Null is refused, for it could mean two things. */
  @ValidateIf((_, value) => value !== undefined)
  @IsJsonObject(MAX_METADATA_BYTES)
  metadata?: JsonObject;
}
