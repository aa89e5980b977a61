import { IsOptional, IsString, MaxLength, ValidateIf } from 'class-validator';

import { IsJsonObject } from '../errors/index.js';
import type { JsonObject } from '../protocol/index.js';
import { Meaning } from '../schema/index.js';

const MAX_TITLE_CHARACTERS = 500;
const MAX_METADATA_BYTES = 65_536;

export class CreateThreadFields {
  /** Judged by the grammar of ids, where it is a text. */
  @Meaning('An id of your own choice; without it, one is made that cannot be guessed.')
  @IsOptional()
  @IsString()
  threadId?: string | null;

  @Meaning('For people.')
  @IsOptional()
  @IsString()
  @MaxLength(MAX_TITLE_CHARACTERS)
  title?: string | null;

  @Meaning('Whatever is to be kept with the thread.')
  @IsOptional()
  @IsJsonObject(MAX_METADATA_BYTES)
  metadata?: JsonObject | null;
}

export class UpdateThreadFields {
  @Meaning('Null takes the title away.')
  @IsOptional()
  @IsString()
  @MaxLength(MAX_TITLE_CHARACTERS)
  title?: string | null;

  /** Replaces all of it. Null is refused, for it could mean two things. */
  @Meaning('Replaces all of it.')
  @ValidateIf((_, value) => value !== undefined)
  @IsJsonObject(MAX_METADATA_BYTES)
  metadata?: JsonObject;
}
