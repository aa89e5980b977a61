import { createHmac } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { errors, jwtVerify } from 'jose';

import { SharedSecret } from './shared-secret.js';

const SECRET = 'a secret of more than 32 bytes, shared';
const secret = new SharedSecret(SECRET);

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signed by whoever has the secret, whatever it says. */
function signed(header: unknown, payload: unknown): string {
  return signedAsIs(`${encode(header)}.${encode(payload)}`);
}

function signedAsIs(text: string): string {
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

describe('A secret that is shared', () => {
  it('gives the claims of what was signed with it', () => {
    const claims = { sub: 'ålice 😀', roles: ['admin'], exp: 1 };
    expect(secret.claimsOf(signed({ alg: 'HS256', typ: 'JWT', kid: 'x' }, claims))).toEqual(claims);
  });

  it.each([
    [{ alg: 'none' }, errors.JOSEAlgNotAllowed],
    [{ alg: 'hs256' }, errors.JOSEAlgNotAllowed],
    [{ alg: 'HS512' }, errors.JOSEAlgNotAllowed],
    [{ alg: ['HS256'] }, errors.JWSInvalid],
    [{}, errors.JWSInvalid],
    [['HS256'], errors.JWSInvalid],
    [null, errors.JWSInvalid],
    [{ alg: 'HS256', crit: ['b64'], b64: false }, errors.JOSENotSupported],
    [{ alg: 'HS256', crit: [] }, errors.JOSENotSupported],
  ])('takes none under the header %j', (header, refusal) => {
    expect(() => secret.claimsOf(signed(header, { sub: 'alice' }))).toThrow(refusal);
  });

  it.each([null, [], 'alice', 7])('takes no claims that are %j', (claims) => {
    expect(() => secret.claimsOf(signed({ alg: 'HS256' }, claims))).toThrow(errors.JWTInvalid);
  });

  it('takes no claims that are no UTF-8, or no JSON', () => {
    const header = encode({ alg: 'HS256' });
    const broken = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url');
    for (const payload of [broken, encode('x').slice(1), '']) {
      expect(() => secret.claimsOf(signedAsIs(`${header}.${payload}`))).toThrow(errors.JWTInvalid);
    }
  });

  it('knows one spelling of each token', () => {
    const token = signed({ alg: 'HS256' }, { sub: 'alice', at: '?'.repeat(30) });
    const [header = '', payload = '', signature = ''] = token.split('.');
    // Characters that have the same low byte, padding, the other alphabet, and the spare bits of the last character.
    const wide = payload.replaceAll(/[A-Za-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0x100));
    const last = signature.at(-1) === 'A' ? 'B' : String.fromCharCode(signature.charCodeAt(42) + 1);
    for (const other of [
      `${header}.${wide}.${signature}`,
      `${token}=`,
      `${token}.`,
      `${token} `,
      `${header}.${payload.replaceAll('_', '/')}=.${signature}`,
      `${header}.${payload}.${signature.slice(0, -1)}${last}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
    ]) {
      expect(() => secret.claimsOf(other)).toThrow(errors.JOSEError);
    }
  });

  it('accepts nothing that jose would not', async () => {
    const part = fc.oneof(
      fc.record({ alg: fc.constantFrom('HS256', 'HS384', 'none') }),
      fc.dictionary(fc.constantFrom('sub', 'alg', 'crit', 'b64', '__proto__'), fc.jsonValue()),
      fc.jsonValue(),
    );
    const key = new TextEncoder().encode(SECRET);
    await fc.assert(
      fc.asyncProperty(part, part, fc.boolean(), async (header, payload, cut) => {
        const token = signed(header, payload).slice(0, cut ? -1 : undefined);
        let claims: unknown;
        try {
          claims = secret.claimsOf(token);
        } catch (error) {
          expect(error).toBeInstanceOf(errors.JOSEError);
          return;
        }
        expect((await jwtVerify(token, key, { algorithms: ['HS256'] })).payload).toEqual(claims);
      }),
    );
  });
});
