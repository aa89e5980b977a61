import { errors, jwtVerify, type JWTPayload } from 'jose';

import { Clock } from '../clock/index.js';
import { Authenticator } from './authenticator.js';
import { badToken, verificationFailure } from './bad-token.js';
import { CLOCK_SKEW_MS, principalOf } from './claims.js';
import type { KeySet } from './key-set.js';
import type { Principal } from './principal.js';
import { SharedSecret } from './shared-secret.js';

const MAX_TOKEN_CHARACTERS = 16 * 1024;

/** What a token is verified with. The algorithms are ours to say, never the token's. */
export type VerificationKey = SharedSecret | KeySet;

export interface ExpectedClaims {
  /** The only `iss` accepted; undefined: any or none. */
  readonly issuer?: string | undefined;
  /** What `aud` has to be or contain; undefined: any or none. */
  readonly audience?: string | undefined;
}

/** A secret shared with whoever makes the tokens. */
export function secretKey(secret: string): VerificationKey {
  return new SharedSecret(secret);
}

/** Tokens are JWTs: `sub` is the user, `roles` those we know, `exp` exact, `nbf` and `iat` with 30 s of leeway. */
export class JwtAuthenticator extends Authenticator {
  constructor(
    private readonly verification: VerificationKey,
    private readonly expected: ExpectedClaims,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async authenticate(token: string): Promise<Principal> {
    if (token.length > MAX_TOKEN_CHARACTERS) throw badToken(`it is longer than ${MAX_TOKEN_CHARACTERS} characters`);
    const claims = await this.verified(token);
    // The time after waiting for keys, not before: a token may have run out meanwhile.
    return principalOf(claims, this.clock.now());
  }

  private async verified(token: string): Promise<JWTPayload> {
    const { verification, expected } = this;
    try {
      if (!(verification instanceof SharedSecret)) return await this.verifiedByKeySet(token, verification);
      const claims = verification.claimsOf(token);
      checkOrigin(claims, expected);
      return claims;
    } catch (error) {
      throw verificationFailure(error);
    }
  }

  private async verifiedByKeySet(token: string, keySet: KeySet): Promise<JWTPayload> {
    const { issuer, audience } = this.expected;
    const { payload } = await jwtVerify(token, keySet.find, {
      algorithms: [...keySet.algorithms],
      currentDate: new Date(this.clock.now()),
      clockTolerance: CLOCK_SKEW_MS / 1000,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    });
    return payload;
  }
}

function checkOrigin(claims: JWTPayload, { issuer, audience }: ExpectedClaims): void {
  if (issuer !== undefined && claims.iss !== issuer) throw new errors.JWTClaimValidationFailed('', claims, 'iss');
  if (audience === undefined) return;
  const audiences: readonly unknown[] = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (!audiences.includes(audience)) throw new errors.JWTClaimValidationFailed('', claims, 'aud');
}
