import { Allow, IsString, MaxLength } from 'class-validator';

/** No token that is in use is longer. */
export const MAX_TOKEN_CHARACTERS = 16_384;

export class AuthenticateDto {
  @MaxLength(MAX_TOKEN_CHARACTERS)
  @IsString()
  token!: string;
}

/** `ping` takes anything, and nothing of it is read. */
export class PingDto {
  @Allow()
  anything?: unknown;
}
