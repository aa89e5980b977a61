import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';

import type { Principal } from '../identity/index.js';

const PRINCIPAL = Symbol('principal');

type AuthenticatedRequest = Request & { [PRINCIPAL]?: Principal };

export function givePrincipal(req: AuthenticatedRequest, principal: Principal): void {
  req[PRINCIPAL] = principal;
}

export function knownPrincipal(req: AuthenticatedRequest): Principal | undefined {
  return req[PRINCIPAL];
}

/** Whom the request's token speaks for. On a route without `BearerGuard` it throws: nobody is served as nobody. */
export const User = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const principal = knownPrincipal(context.switchToHttp().getRequest<AuthenticatedRequest>());
  if (principal === undefined) throw new Error('This route asks for its user and has no BearerGuard.');
  return principal;
});
