import { SignJWT } from 'jose';

/** Nodes share the secret of tokens, as in production: so there is nobody who mints them for tests. */
export const JWT_SECRET = 'a secret that all nodes of a test share, long enough';

export function signedToken(userId: string, roles: readonly string[] = []): Promise<string> {
  return new SignJWT({ sub: userId, roles })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JWT_SECRET));
}
