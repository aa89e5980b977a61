import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';

import { errors, type JWTPayload } from 'jose';

const ALGORITHM = 'HS256';

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A secret shared with whoever makes the tokens, as HMAC in the turn of the caller: WebCrypto hands each token to a thread
 * and back, which costs ten times as much as the signature itself, and every connection shows a token. Throws jose's errors.
 */
export class SharedSecret {
  readonly #key: KeyObject;

  constructor(secret: string) {
    this.#key = createSecretKey(secret, 'utf8');
  }

  /** The claims of a token that is signed with the secret; none of them has been looked at. */
  claimsOf(token: string): JWTPayload {
    const [header = '', payload = '', signature = '', ...more] = token.split('.');
    if (more.length > 0 || signature === '') throw new errors.JWSInvalid();
    checkHeader(header);
    // As it was sent, not decoded: then each signature has one spelling, and so has what it is for.
    const expected = createHmac('sha256', this.#key).update(`${header}.${payload}`, 'utf8').digest('base64url');
    if (!isSame(expected, signature)) throw new errors.JWSSignatureVerificationFailed();
    return readPart(payload) ?? refuse(new errors.JWTInvalid());
  }
}

/** The algorithm is ours to say, and nothing is done that a token demands. */
function checkHeader(part: string): void {
  const { alg, crit } = readPart(part) ?? refuse(new errors.JWSInvalid());
  if (crit !== undefined) throw new errors.JOSENotSupported();
  if (typeof alg !== 'string') throw new errors.JWSInvalid();
  if (alg !== ALGORITHM) throw new errors.JOSEAlgNotAllowed();
}

/** Null: it is not a JSON object. */
function readPart(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(UTF8.decode(Buffer.from(part, 'base64url')));
    return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

function isSame(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}

function refuse(error: Error): never {
  throw error;
}
