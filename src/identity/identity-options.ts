import { ConfigurableModuleBuilder } from '@nestjs/common';

import type { ExpectedClaims } from './jwt-authenticator.js';
import type { KeySetTimes } from './key-set.js';
import type { UserRate } from './user-rates.js';

/** What tokens are signed with. One of three. */
export type TokenKeys =
  | { readonly jwtSecret: string }
  | ({ readonly jwksUrl: string } & KeySetTimes)
  /** A secret of our own, made when first needed and kept in this file; and tokens for anybody who asks. */
  | { readonly developmentSecretFile: string };

export interface IdentityOptions extends ExpectedClaims {
  readonly keys: TokenKeys;
  /** Default: 1 000 requests a second, after a burst of 4 000. */
  readonly userRate?: UserRate;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: IDENTITY_OPTIONS } =
  new ConfigurableModuleBuilder<IdentityOptions>()
    .setClassMethodName('forRoot')
    .setExtras({}, (definition) => ({ ...definition, global: true }))
    .build();
