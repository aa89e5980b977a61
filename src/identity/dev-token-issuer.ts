import { SignJWT } from 'jose';

import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import { type Role, userIdFault } from './principal.js';

export interface DevTokenRequest {
  readonly userId: string;
  readonly roles?: readonly Role[];
  /** Default: 24 hours. */
  readonly ttlMs?: number;
}

/** Mints tokens for anybody who asks, on a developer's machine. Where that is not, every request is refused. */
export abstract class DevTokenIssuer {
  /** Whether tokens are minted here at all. */
  abstract readonly enabled: boolean;

  /** A token that the `Authenticator` accepts. Rejects with `invalid_payload`, or `forbidden` where not enabled. */
  abstract mint(request: DevTokenRequest): Promise<string>;
}

const DAY_MS = 86_400_000;

/** Signs with the secret that the tokens are verified with. */
export class JwtDevTokenIssuer extends DevTokenIssuer {
  override readonly enabled = true;
  private readonly key: Uint8Array;

  constructor(
    secret: string,
    private readonly clock: Clock,
  ) {
    super();
    this.key = new TextEncoder().encode(secret);
  }

  override async mint({ userId, roles = [], ttlMs = DAY_MS }: DevTokenRequest): Promise<string> {
    const fault = userIdFault(userId);
    if (fault !== null) throw new ThreadcastError('invalid_payload', { message: `The userId ${fault}.` });
    const now = this.clock.now();
    return new SignJWT({ roles: [...roles] })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(userId)
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime((now + ttlMs) / 1000)
      .sign(this.key);
  }
}

/** There are no development tokens here. */
export class NoDevTokens extends DevTokenIssuer {
  override readonly enabled = false;

  override mint(): Promise<string> {
    return Promise.reject(
      new ThreadcastError('forbidden', { message: 'Development tokens exist only in development, on loopback.' }),
    );
  }
}
