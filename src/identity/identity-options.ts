import { ConfigurableModuleBuilder } from '@nestjs/common';

import type { ExpectedClaims } from './jwt-authenticator.js';

/** What tokens are signed with. One of three. */
export type TokenKeys =
  | { readonly jwtSecret: string }
  | {
      readonly jwksUrl: string;
      /** How long an unknown key is believed to be one before the keys are fetched again, in ms. Default: 30 000. */
      readonly refetchAfterMs?: number;
    }
  /** A secret of our own, made when first needed and kept in this file; and tokens for anybody who asks. */
  | { readonly developmentSecretFile: string };

export interface IdentityOptions extends ExpectedClaims {
  readonly keys: TokenKeys;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: IDENTITY_OPTIONS } =
  new ConfigurableModuleBuilder<IdentityOptions>()
    .setClassMethodName('forRoot')
    .setExtras({}, (definition) => ({ ...definition, global: true }))
    .build();
