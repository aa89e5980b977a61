import { Controller, NotFoundException, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsOptional } from 'class-validator';
import type { Request } from 'express';
import { z } from 'zod';

import { ThreadcastError } from '../errors/index.js';
import { DevTokenIssuer, ROLES, type Role } from '../identity/index.js';
import { Meaning } from '../schema/index.js';
import { Describe } from './describe.decorator.js';
import { requestFields, TakesFields } from './fields.decorator.js';
import { IsUserId } from './field-rules.js';
import { foreignOriginFault } from './loopback.js';

const TOKEN = z.object({ token: z.string().describe('A JWT, valid for a day.') });

class DevTokenFields {
  @Meaning('Whom the token speaks for.')
  @IsUserId()
  userId!: string;

  @Meaning('`admin` sees the debug endpoints, `producer` appends events for any run.')
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(ROLES.length)
  @IsIn(ROLES, { each: true })
  roles?: Role[] | null;
}

/**
 * Tokens for anybody, on a developer's machine. Danger: a page of any site that the developer has open can send
 * requests to loopback, so this asks for JSON (which a page cannot send elsewhere without being asked first), and
 * for the same origin under a name of loopback (which a page cannot have whose name was pointed at this machine).
 */
@Controller('dev')
@ApiTags('Operation')
export class DevTokenController {
  constructor(private readonly issuer: DevTokenIssuer) {}

  @Post('token')
  @TakesFields(DevTokenFields)
  @Describe({
    does: 'Makes a token for anybody; on a developer’s machine alone.',
    details:
      'Exists only where the server makes tokens itself. It takes JSON from this machine alone, addressed by a name of ' +
      'loopback, and from no page of another origin.',
    answers: { 201: { says: 'The token.', json: TOKEN } },
    refuses: ['forbidden', 'unknown_request'],
  })
  async mint(@Req() req: Request): Promise<z.infer<typeof TOKEN>> {
    if (!this.issuer.enabled) throw new NotFoundException(`Cannot ${req.method} ${req.path}`);
    const fault = foreignOriginFault(req.socket.remoteAddress, req.headers);
    if (fault !== null)
      throw new ThreadcastError('forbidden', { message: `Development tokens are for this machine: ${fault}.` });
    const { userId, roles } = requestFields(DevTokenFields, req);
    return { token: await this.issuer.mint({ userId, roles: roles ?? [] }) };
  }
}
