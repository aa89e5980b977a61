import { Allow, IsString, MaxLength } from 'class-validator';

import { Meaning, type RuleContext } from '../../schema/index.js';

/** No token that is in use is longer. */
export const MAX_TOKEN_CHARACTERS = 16_384;

export class AuthenticateDto {
  @Meaning('A JWT.')
  @MaxLength(MAX_TOKEN_CHARACTERS)
  @IsString()
  token!: string;
}

/** `ping` takes anything, and nothing of it is read. */
export class PingDto {
  @Allow({ context: { schema: 'hidden' } satisfies RuleContext })
  anything?: unknown;
}
