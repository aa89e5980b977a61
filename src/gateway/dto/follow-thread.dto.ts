import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

import { Meaning } from '../../schema/index.js';

/** `switch_thread` and `subscribe_thread`. */
export class FollowThreadDto {
  @Meaning('The thread’s id.')
  @IsString()
  threadId!: string;

  @Meaning('Replay begins behind this seq; without it, following begins at the head.')
  @IsOptional()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  @IsInt()
  after?: number;

  @Meaning('The log that `after` belongs to.')
  @IsOptional()
  @MaxLength(64)
  @IsString()
  epoch?: string;
}
