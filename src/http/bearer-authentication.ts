import { Injectable } from '@nestjs/common';
import type { Request, RequestHandler } from 'express';

import { ThreadcastError } from '../errors/index.js';
import { Authenticator, type Principal } from '../identity/index.js';
import { givePrincipal, knownPrincipal } from './user.decorator.js';

/** Finds out whom a request's bearer token speaks for, once for each request. */
@Injectable()
export class BearerAuthentication {
  constructor(private readonly authenticator: Authenticator) {}

  /** Rejects with `unauthenticated`. */
  async authenticate(req: Request): Promise<Principal> {
    const known = knownPrincipal(req);
    if (known !== undefined) return known;
    const principal = await this.authenticator.authenticate(bearerToken(req.headers.authorization));
    givePrincipal(req, principal);
    return principal;
  }

  /** For what has to be behind the authentication and is before any guard: the parsing of the body. */
  middleware(): RequestHandler {
    return (req, res, next) => {
      res.setHeader('Cache-Control', 'no-store');
      this.authenticate(req).then(() => next(), next);
    };
  }
}

function bearerToken(header: string | undefined): string {
  if (header === undefined) {
    throw new ThreadcastError('unauthenticated', { message: 'Send a token: `Authorization: Bearer <token>`.' });
  }
  const token = /^Bearer +([^\s]+) *$/i.exec(header)?.[1];
  if (token !== undefined) return token;
  throw new ThreadcastError('unauthenticated', { message: 'The Authorization header is not `Bearer <token>`.' });
}
