import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';

import { BearerAuthentication } from './bearer-authentication.js';

/** Lets nobody to a route without a valid token, also where the application was set up without `configureHttp`. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(private readonly authentication: BearerAuthentication) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.authentication.authenticate(context.switchToHttp().getRequest<Request>());
    return true;
  }
}
