import { applyDecorators, Injectable, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiSecurity } from '@nestjs/swagger';
import type { Request } from 'express';

import { ThreadcastError } from '../errors/index.js';
import type { Role } from '../identity/index.js';
import { BearerAuthentication } from './bearer-authentication.js';

const RoleOf = Reflector.createDecorator<Role>();

/** Lets nobody through without a valid token, and nobody whose token has not the route's role. */
@Injectable()
export class RoleGuard implements CanActivate {
  constructor(
    private readonly authentication: BearerAuthentication,
    private readonly reflector: Reflector,
  ) {}

  /** Rejects with `unauthenticated`, then with `forbidden`. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { roles } = await this.authentication.authenticate(context.switchToHttp().getRequest<Request>());
    const role = this.reflector.getAllAndOverride(RoleOf, [context.getHandler(), context.getClass()]);
    if (roles.has(role)) return true;
    throw new ThreadcastError('forbidden', { message: `This needs a token with the role \`${role}\`.` });
  }
}

/** A route or a controller for this role alone, whatever the id in it is: checked before anything is looked up. */
export const OnlyFor = (role: Role): ClassDecorator & MethodDecorator =>
  applyDecorators(RoleOf(role), UseGuards(RoleGuard), ApiSecurity('bearer', [role]));
