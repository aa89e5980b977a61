import type { Principal } from './principal.js';

/**
 * Says whom a token speaks for, now. It knows nothing of connections and keeps nothing of a token; that a token
 * runs out later is for those to watch who were given its `expiresAt`.
 */
export abstract class Authenticator {
  /**
   * Rejects with `unauthenticated` where the token is not valid, expired ones included; the message says what is
   * wrong with it. Any other rejection means that it could not be judged (the keys cannot be fetched, say): that
   * tells nothing about the token, and the same one may be accepted later.
   */
  abstract authenticate(token: string): Promise<Principal>;
}
