import { Allow, IsString } from 'class-validator';

export class AuthenticateDto {
  @IsString()
  token!: string;
}

/** `ping` takes anything, and nothing of it is read. */
export class PingDto {
  @Allow()
  anything?: unknown;
}
