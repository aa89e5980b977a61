import type { JWTPayload } from 'jose';

import { badToken } from './bad-token.js';
import { type Principal, type Role, ROLES, userIdFault } from './principal.js';

/** How far the clock of who made a token may be ahead of ours. Expiry has no such leeway. */
export const CLOCK_SKEW_MS = 30_000;

/** Reads the claims of a token whose signature, issuer and audience fit. `now`: Unix ms. Throws `unauthenticated`. */
export function principalOf(claims: JWTPayload, now: number): Principal {
  const { sub } = claims;
  const fault = userIdFault(sub);
  if (typeof sub !== 'string' || fault !== null) throw badToken(`its user (sub) ${fault ?? ''}`);

  const expiresAt = time(claims, 'exp');
  if (expiresAt !== null && expiresAt <= now) throw badToken('it has expired');
  const notBefore = time(claims, 'nbf');
  if (notBefore !== null && notBefore > now + CLOCK_SKEW_MS) throw badToken('it is not valid yet (nbf)');
  const issuedAt = time(claims, 'iat');
  if (issuedAt !== null && issuedAt > now + CLOCK_SKEW_MS) throw badToken('it was issued in the future (iat)');

  return { userId: sub, roles: rolesOf(claims['roles']), expiresAt };
}

/** Unix ms; null where the claim is absent. */
function time(claims: JWTPayload, claim: 'exp' | 'nbf' | 'iat'): number | null {
  const seconds: unknown = claims[claim];
  if (seconds === undefined) return null;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) throw badToken(`its ${claim} is not a number`);
  return Math.min(Math.floor(seconds * 1000), Number.MAX_SAFE_INTEGER);
}

/** Of most users. */
const NO_ROLES: ReadonlySet<Role> = new Set();

function rolesOf(claim: unknown): ReadonlySet<Role> {
  const named: readonly unknown[] = Array.isArray(claim) ? claim : [];
  if (named.length === 0) return NO_ROLES;
  return new Set(ROLES.filter((role) => named.includes(role)));
}
