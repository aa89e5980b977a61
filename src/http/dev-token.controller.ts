import { Controller, NotFoundException, Post, Req } from '@nestjs/common';
import { ArrayMaxSize, IsArray, IsIn, IsOptional } from 'class-validator';
import type { Request } from 'express';

import { ThreadcastError } from '../errors/index.js';
import { DevTokenIssuer, ROLES, type Role } from '../identity/index.js';
import { requestFields } from './fields.decorator.js';
import { IsUserId } from './field-rules.js';
import { foreignOriginFault } from './loopback.js';

class DevTokenFields {
  @IsUserId()
  userId!: string;

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
export class DevTokenController {
  constructor(private readonly issuer: DevTokenIssuer) {}

  @Post('token')
  async mint(@Req() req: Request): Promise<{ token: string }> {
    if (!this.issuer.enabled) throw new NotFoundException(`Cannot ${req.method} ${req.path}`);
    const fault = foreignOriginFault(req.socket.remoteAddress, req.headers);
    if (fault !== null)
      throw new ThreadcastError('forbidden', { message: `Development tokens are for this machine: ${fault}.` });
    const { userId, roles } = requestFields(DevTokenFields, req);
    return { token: await this.issuer.mint({ userId, roles: roles ?? [] }) };
  }
}
