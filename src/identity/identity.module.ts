import { Module } from '@nestjs/common';

import { Clock } from '../clock/index.js';
import { SharedWords, UserBudgets } from '../cluster/index.js';
import { IdGenerator } from '../ids/index.js';
import { Authenticator } from './authenticator.js';
import { DevTokenIssuer, JwtDevTokenIssuer, NoDevTokens } from './dev-token-issuer.js';
import { developmentSecret } from './development-secret.js';
import { ConfigurableModuleClass, IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { KeySet, KeySetCheck } from './key-set.js';
import { JwtAuthenticator, secretKey } from './jwt-authenticator.js';
import { UserRates, type UserRate } from './user-rates.js';

const IDENTITY = Symbol('identity');

const DEFAULT_USER_RATE: UserRate = { perSecond: 1_000, burst: 4_000 };

interface Identity {
  readonly authenticator: Authenticator;
  readonly devTokens: DevTokenIssuer;
  /** Where tokens depend on somebody else. */
  readonly check: KeySetCheck | null;
}

/**
 * Who is asking, and how fast: for sockets and HTTP alike. Gives `Authenticator`, `DevTokenIssuer` and `UserRates`. It is told by its options
 * whether this is development, and must never find that out by itself.
 */
@Module({
  providers: [
    { provide: IDENTITY, inject: [IDENTITY_OPTIONS, Clock, IdGenerator, SharedWords], useFactory: identity },
    { provide: Authenticator, inject: [IDENTITY], useFactory: ({ authenticator }: Identity) => authenticator },
    { provide: KeySetCheck, inject: [IDENTITY], useFactory: ({ check }: Identity) => check },
    {
      provide: UserRates,
      inject: [IDENTITY_OPTIONS, UserBudgets, Clock],
      useFactory: ({ userRate = DEFAULT_USER_RATE }: IdentityOptions, budgets: UserBudgets, clock: Clock) =>
        new UserRates(userRate, budgets, clock),
    },
    { provide: DevTokenIssuer, inject: [IDENTITY], useFactory: ({ devTokens }: Identity) => devTokens },
  ],
  exports: [Authenticator, DevTokenIssuer, UserRates],
})
export class IdentityModule extends ConfigurableModuleClass {}

async function identity(
  { keys, issuer, audience }: IdentityOptions,
  clock: Clock,
  ids: IdGenerator,
  words: SharedWords,
): Promise<Identity> {
  const expected = { issuer, audience };
  if ('jwtSecret' in keys) {
    const authenticator = new JwtAuthenticator(secretKey(keys.jwtSecret), expected, clock);
    return { authenticator, devTokens: new NoDevTokens(), check: null };
  }
  if ('jwksUrl' in keys) {
    const keySet = new KeySet(keys.jwksUrl, keys);
    const authenticator = new JwtAuthenticator(keySet, expected, clock);
    return { authenticator, devTokens: new NoDevTokens(), check: new KeySetCheck(keySet) };
  }
  // Nodes with directories of their own take each other's tokens all the same.
  const secret = await words.agree('development secret', await developmentSecret(keys.developmentSecretFile, ids));
  const authenticator = new JwtAuthenticator(secretKey(secret), expected, clock);
  return { authenticator, devTokens: new JwtDevTokenIssuer(secret, clock), check: null };
}
