import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';

import { ReadinessCheck, type ReadinessResult } from '../startup/index.js';

/** Public keys only: were HS256 among them, a public key would be a secret that everybody knows. */
const KEY_SET_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as const;

export interface KeySetTimes {
  /** How long an unknown key is believed to be one before the keys are fetched again, in ms. Default: 30 000. */
  readonly refetchAfterMs?: number;
  /** How long keys are good for, in ms: so long at most a key goes on that was taken away. Default: 600 000. */
  readonly goodForMs?: number;
}

/**
 * Public keys from a URL. They are fetched when a token first needs them, when they are no longer good, and when a
 * token names an unknown one; this last not within `refetchAfterMs` of the last time, or made-up names would be a way to
 * flood the key server.
 */
export class KeySet {
  readonly algorithms: readonly string[] = KEY_SET_ALGORITHMS;
  /** Gives the key that a token names, and rejects with jose's errors. */
  readonly find: JWTVerifyGetKey;
  #unreachable = false;

  constructor(url: string, { refetchAfterMs = 30_000, goodForMs = 600_000 }: KeySetTimes = {}) {
    const remote = createRemoteJWKSet(new URL(url), { cooldownDuration: refetchAfterMs, cacheMaxAge: goodForMs });
    this.find = async (header, token) => {
      try {
        const key = await remote(header, token);
        this.#unreachable = false;
        return key;
      } catch (error) {
        this.#unreachable = !isAboutTheToken(error);
        throw error;
      }
    };
  }

  /** The keys could not be had for the last token that was looked at. */
  get unreachable(): boolean {
    return this.#unreachable;
  }
}

/** Says that tokens cannot be checked. Whoever is connected stays so, which is why nobody is sent away. */
export class KeySetCheck extends ReadinessCheck {
  override readonly name = 'keys';
  override readonly required = false;

  constructor(private readonly keySet: KeySet) {
    super();
  }

  override check(): Promise<ReadinessResult> {
    return Promise.resolve(
      this.keySet.unreachable
        ? { status: 'degraded', detail: 'The keys of tokens cannot be fetched: nobody new can be let in.' }
        : { status: 'ok' },
    );
  }
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
