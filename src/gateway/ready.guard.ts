import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import { REQUEST_TRAITS, requestOf, type RequestTraits } from './request-metadata.js';

/** Nothing runs without its user: the connection is authenticated and its token has not expired. */
@Injectable()
export class ReadyGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly clock: Clock,
  ) {}

  canActivate(host: ExecutionContext): boolean {
    const traits = this.reflector.get<RequestTraits | undefined>(REQUEST_TRAITS, host.getHandler());
    if (traits?.open === true) return true;
    const { principal } = requestOf(host).connection;
    if (principal === null) throw new ThreadcastError('unauthenticated');
    if (principal.expiresAt !== null && principal.expiresAt <= this.clock.now())
      throw new ThreadcastError('token_expired');
    return true;
  }
}
