import { IsString } from 'class-validator';

export class AuthenticateDto {
  @IsString()
  token!: string;
}

/** `ping` takes anything. */
export class PingDto {}
