import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

/** `switch_thread` and `subscribe_thread`. */
export class FollowThreadDto {
  @IsString()
  threadId!: string;

  /** Replay begins after this seq; without it, following begins at the head. */
  @IsOptional()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  @IsInt()
  after?: number;

  /** The log that `after` belongs to. */
  @IsOptional()
  @MaxLength(64)
  @IsString()
  epoch?: string;
}
