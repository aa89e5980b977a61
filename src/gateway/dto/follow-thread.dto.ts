import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

/** `switch_thread` and `subscribe_thread`. */
export class FollowThreadDto {
  @IsString()
  threadId!: string;

  /** Replay begins after this seq; without it, following begins at the head. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after?: number;

  /** The log that `after` belongs to. */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  epoch?: string;
}
