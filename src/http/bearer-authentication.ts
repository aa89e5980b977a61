import type { Socket } from 'node:net';

import { Injectable } from '@nestjs/common';
import type { Request, RequestHandler } from 'express';

import { ThreadcastError } from '../errors/index.js';
import { Authenticator, UserRates, type Principal } from '../identity/index.js';
import { givePrincipal, knownPrincipal } from './user.decorator.js';

/** Tokens that are refused on one TCP connection, one after the other, before it has to be opened anew. */
const MAX_REFUSED = 20;

/** Finds out whom a request's bearer token speaks for, once for each request, and counts it as one of that user. */
@Injectable()
export class BearerAuthentication {
  /** By TCP connection. */
  readonly #refused = new WeakMap<Socket, number>();

  constructor(
    private readonly authenticator: Authenticator,
    private readonly userRates: UserRates,
  ) {}

  /** Rejects with `unauthenticated` or `rate_limited`. */
  async authenticate(req: Request): Promise<Principal> {
    const known = knownPrincipal(req);
    if (known !== undefined) return known;
    const principal = await this.#verify(req);
    this.userRates.take(principal.userId);
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

  /**
   * Whoever guesses tokens has to come anew for every few of them. Nothing is refused unseen: a proxy brings everybody
   * by the same few connections.
   */
  async #verify(req: Request): Promise<Principal> {
    try {
      const principal = await this.authenticator.authenticate(bearerToken(req.headers.authorization));
      this.#refused.delete(req.socket);
      return principal;
    } catch (error) {
      const refused = (this.#refused.get(req.socket) ?? 0) + 1;
      this.#refused.set(req.socket, refused);
      if (refused >= MAX_REFUSED) req.res?.setHeader('Connection', 'close');
      throw error;
    }
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
