import { Module } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { IdGenerator } from '../ids/index.js';
import { Authenticator } from './authenticator.js';
import { DevTokenIssuer, JwtDevTokenIssuer, NoDevTokens } from './dev-token-issuer.js';
import { developmentSecret } from './development-secret.js';
import { ConfigurableModuleClass, IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { JwtAuthenticator, keySet, secretKey } from './jwt-authenticator.js';

const IDENTITY = Symbol('identity');

interface Identity {
  readonly authenticator: Authenticator;
  readonly devTokens: DevTokenIssuer;
}

/**
 * Who is asking: for sockets and HTTP alike. Gives `Authenticator` and `DevTokenIssuer`. It is told by its options
 * whether this is development, and must never find that out by itself.
 */
@Module({
  providers: [
    { provide: IDENTITY, inject: [IDENTITY_OPTIONS, Clock, IdGenerator], useFactory: identity },
    { provide: Authenticator, inject: [IDENTITY], useFactory: ({ authenticator }: Identity) => authenticator },
    { provide: DevTokenIssuer, inject: [IDENTITY], useFactory: ({ devTokens }: Identity) => devTokens },
  ],
  exports: [Authenticator, DevTokenIssuer],
})
export class IdentityModule extends ConfigurableModuleClass {}

async function identity({ keys, ...expected }: IdentityOptions, clock: Clock, ids: IdGenerator): Promise<Identity> {
  if ('jwtSecret' in keys) {
    const authenticator = new JwtAuthenticator(secretKey(keys.jwtSecret), expected, clock);
    return { authenticator, devTokens: new NoDevTokens() };
  }
  if ('jwksUrl' in keys) {
    const authenticator = new JwtAuthenticator(keySet(keys.jwksUrl, keys.refetchAfterMs), expected, clock);
    return { authenticator, devTokens: new NoDevTokens() };
  }
  const secret = await developmentSecret(keys.developmentSecretFile, ids);
  const authenticator = new JwtAuthenticator(secretKey(secret), expected, clock);
  return { authenticator, devTokens: new JwtDevTokenIssuer(secret, clock) };
}
